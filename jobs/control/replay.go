package control

import (
	"context"
	"errors"
	"fmt"

	"dispatcher/jobs"
)

// ReplayQuery asks that failures that the errors topic tells of are carried out
// again, as new jobs.
type ReplayQuery struct {
	Filter jobs.ReportedFilter `json:"filter"`
	DryRun bool                `json:"dry_run,omitempty"`
	Signed
}

// Failures is the errors topic.
type Failures interface {
	Each(ctx context.Context, told func(done, of int), fn func(jobs.Reported) error) error
}

// Messages and bytes that are made jobs at a time.
const (
	replayBatch = 100
	replayBytes = 8 << 20
)

// Replay makes jobs of the messages of reported failures, each failure once,
// also over repeated calls. It returns after the last is durable, or when there is no
// room for more.
func (d *Desk) Replay(ctx context.Context, q ReplayQuery, told Progress) (Changed, error) {
	if d.Failures == nil || d.Submitter == nil {
		return Changed{}, errors.New("jobs replay: not here")
	}
	r := replay{desk: d, query: q, by: d.audit("replay", q.Signed), done: Changed{Skipped: []Skipped{}}, seen: make(map[string]bool), present: make(map[string]bool)}
	err := d.Failures.Each(ctx, told, func(f jobs.Reported) error { return r.take(ctx, f) })
	if err == nil {
		err = r.flush(ctx)
	}
	if err != nil {
		return r.done, fmt.Errorf("replay: stopped after %d jobs: %w; repeat it for the rest, none is doubled", r.done.Changed, err)
	}
	if q.DryRun {
		return r.done, nil
	}
	// The whole topic has been read: what was replayed and is not there any more
	// cannot come back.
	if _, err := d.Ledger.ForgetReplays(ctx, d.now().Add(-d.KeepReplays), r.present); err != nil {
		return r.done, fmt.Errorf("replay: all is done, but what is old was not forgotten: %w", err)
	}
	return r.done, nil
}

type replay struct {
	desk    *Desk
	query   ReplayQuery
	by      jobs.AuditEntry
	done    Changed
	seen    map[string]bool // in this call: a failure may have been reported twice
	present map[string]bool // on the topic, of those that were replayed before
	batch   []jobs.Envelope
	bytes   int
}

func (r *replay) take(ctx context.Context, f jobs.Reported) error {
	id := f.ReplayID()
	if r.desk.Ledger.Replayed(id) {
		r.present[id] = true
	}
	if !r.query.Filter.Match(&f) || r.seen[id] {
		return nil
	}
	r.seen[id] = true
	r.done.Matched++
	if why := r.not(&f, id); why != "" {
		if len(r.done.Skipped) < maxSkipped {
			r.done.Skipped = append(r.done.Skipped, Skipped{ID: f.JobID, Why: why})
		}
		return nil
	}
	if r.query.DryRun {
		if len(r.done.Sample) < sampleSize {
			r.done.Sample = append(r.done.Sample, Job{ID: f.JobID, State: jobs.Failed, Type: f.Type, FinishedAt: f.At, Error: &f.Failure})
		}
		return nil
	}
	env := jobs.Submission(id, f.Message, r.by)
	r.batch, r.bytes = append(r.batch, env), r.bytes+len(env.Value)
	if len(r.batch) == replayBatch || r.bytes > replayBytes {
		return r.flush(ctx)
	}
	return nil
}

// not says why a failure is left as it is.
func (r *replay) not(f *jobs.Reported, id string) string {
	if r.present[id] {
		return "it was replayed as " + id
	}
	if f.Lost != "" {
		return f.Lost
	}
	job, err := r.desk.Ledger.Job(f.JobID)
	switch {
	case err != nil: // not known here
		return ""
	case !job.State.Ended(), job.State == jobs.Succeeded:
		return "it was retried and is " + r.desk.state(&job).String()
	case job.FinishedAt.After(f.At) && job.State == jobs.Failed:
		return "it has failed again since"
	}
	if newer, ok := r.desk.Ledger.LastSuccess(job.Key); ok && newer > job.Seq {
		return "superseded: a newer job of its key has succeeded since; jobs retry --force " + job.ID + " does it all the same"
	}
	return ""
}

func (r *replay) flush(ctx context.Context) error {
	if len(r.batch) == 0 {
		return nil
	}
	if r.desk.Scheduler.Room() <= 0 {
		return ErrNoRoom
	}
	if err := r.desk.Submitter.Submit(ctx, r.batch); err != nil {
		return err
	}
	r.done.Changed += len(r.batch)
	r.batch, r.bytes = nil, 0
	return nil
}
