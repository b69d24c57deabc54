package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"dispatcher/jobs"
	"dispatcher/jobs/remote"
	"dispatcher/jobs/schedule"
)

// Ledger is what a desk reads.
type Ledger interface {
	Job(id string) (jobs.Job, error)
	JobBySeq(seq uint64) (jobs.Job, error)
	List(f jobs.Filter, before uint64, limit int) (page []jobs.Job, next uint64, err error)
	Counts() jobs.Counts
	Replayed(id string) bool
	ForgetReplays(ctx context.Context, before time.Time, present map[string]bool) (n int, err error)
	LastSuccess(key string) (seq uint64, ok bool)
	History
}

// History is what the ledger knows of one job beside its record.
type History interface {
	Steps(seq uint64) ([]jobs.Step, error)
	Attempts(seq uint64) ([]jobs.Attempt, error)
	Audit(seq uint64) ([]jobs.AuditEntry, error)
	Payload(seq uint64) ([]byte, error)
}

// Scheduler is what a desk asks of the running process's scheduler.
type Scheduler interface {
	Waiting(seq uint64) (schedule.Waiting, bool)
	Snapshot() schedule.Snapshot
	Room() int
	Reopen(ctx context.Context, list []jobs.Job, r schedule.Reopening) []error
	Cancel(ctx context.Context, list []jobs.Job, c schedule.Cancellation) []schedule.Verdict
	Pause(ctx context.Context, scope, message string) (isNew bool, err error)
	Resume(ctx context.Context, scope string) (ended []jobs.Hold, err error)
}

// Desk is the [Backend] on the ledger itself.
type Desk struct {
	Ledger    Ledger
	Scheduler Scheduler                                                    // of the running process, or an idle one over the same ledger
	Stream    func(ctx context.Context, seq uint64) (jobs.Envelope, error) // JOBS; nil: payloads of unfinished jobs cannot be read
	Submitter Submitter
	Failures  Failures
	Feed      *Feed                                     // nil: offline
	Ingest    func() (role string, partitions []Ingest) // nil: offline
	Remote    func() []remote.Worker                    // nil: there are none
	Page      func(operator string) (WebPass, error)    // lets somebody into the web page; nil: there is none
	Clock     func() time.Time

	KeepReplays time.Duration // how long at least it is remembered what was replayed
}

// List returns a page of jobs, newest first.
func (d *Desk) List(ctx context.Context, q ListQuery) (ListPage, error) {
	limit := min(max(q.Limit, 1), MaxPage)
	filter, running := d.widen(q.Filter)
	page := ListPage{Jobs: make([]Job, 0, min(limit, 64))}
	before := q.Before
	for len(page.Jobs) < limit {
		records, next, err := d.Ledger.List(filter, before, limit-len(page.Jobs))
		if err != nil {
			return page, fmt.Errorf("list jobs: %w", err)
		}
		for i := range records {
			v := d.view(&records[i])
			if running && !slices.Contains(q.Filter.States, v.State) {
				continue
			}
			if q.Payload {
				v.Message = d.message(ctx, &records[i])
			}
			page.Jobs = append(page.Jobs, v)
		}
		page.Next, before = next, next
		if next == 0 || ctx.Err() != nil {
			break
		}
	}
	return page, ctx.Err()
}

// widen makes a filter for a state that only the scheduler knows ask the ledger
// for what it is there: a running job stands as queued or retrying.
func (d *Desk) widen(f jobs.Filter) (_ jobs.Filter, running bool) {
	for _, s := range f.States {
		switch s {
		case jobs.Running, jobs.Queued, jobs.Retrying:
			running = true
		}
	}
	if running {
		states := append([]jobs.State(nil), f.States...)
		f.States = append(states, jobs.Queued, jobs.Retrying, jobs.Running)
	}
	return f, running
}

// state is a job's state, of which the ledger does not know that it runs.
func (d *Desk) state(job *jobs.Job) jobs.State {
	if w, ok := d.Scheduler.Waiting(job.Seq); ok && w.Running {
		return jobs.Running
	}
	return view(job).State
}

func (d *Desk) view(job *jobs.Job) Job {
	v := view(job)
	if job.State.Ended() {
		return v
	}
	w, ok := d.Scheduler.Waiting(job.Seq)
	if !ok {
		return v
	}
	var behind string
	if w.Behind != 0 {
		if head, err := d.Ledger.JobBySeq(w.Behind); err == nil {
			behind = head.ID
		}
	}
	v.explain(w, behind)
	return v
}

// Show returns all that is known of one job; [jobs.ErrNoJob] if there is none.
func (d *Desk) Show(ctx context.Context, q ShowQuery) (Detail, error) {
	job, err := d.Ledger.Job(q.ID)
	if err != nil {
		return Detail{}, err
	}
	detail := Detail{Job: d.view(&job)}
	var errs [3]error
	detail.Steps, errs[0] = d.Ledger.Steps(job.Seq)
	detail.AttemptLog, errs[1] = d.Ledger.Attempts(job.Seq)
	detail.Audit, errs[2] = d.Ledger.Audit(job.Seq)
	if q.Payload {
		detail.Message = d.message(ctx, &job)
	}
	return detail, errors.Join(errs[:]...)
}

// message returns a job's message as JSON, nil if it is not kept any more: a
// string if it was not JSON, {"base64": …} if it was not text.
func (d *Desk) message(ctx context.Context, job *jobs.Job) json.RawMessage {
	var env jobs.Envelope
	encoded, err := d.Ledger.Payload(job.Seq)
	switch {
	case err == nil:
		env, err = jobs.DecodeEnvelope(encoded)
	case job.StreamSeq != 0 && d.Stream != nil:
		env, err = d.Stream(ctx, job.StreamSeq)
		if err == nil && !env.Carries(job) {
			return nil
		}
	}
	if err != nil || env.Value == nil {
		return nil
	}
	return asJSON(env.Value)
}

func asJSON(value []byte) json.RawMessage {
	if utf8.Valid(value) {
		if json.Valid(value) {
			return value
		}
		text, _ := json.Marshal(string(value)) // a string always can be
		return text
	}
	bytes, _ := json.Marshal(map[string][]byte{"base64": value})
	return bytes
}

// Stats returns the counts of the moment.
func (d *Desk) Stats(context.Context) (Stats, error) {
	counts := d.Ledger.Counts()
	snap := d.Scheduler.Snapshot()
	stats := Stats{
		Role:          "offline",
		States:        make(map[string]int),
		Codes:         make(map[string]int),
		Rate:          map[string]float64{"1m": snap.Rate1m, "15m": snap.Rate15m},
		Holds:         snap.Holds,
		ErrorsPending: counts.Outbox, ResultsPending: counts.Results,
	}
	for _, s := range jobs.States() {
		stats.States[s.String()] = counts.States[s]
	}
	stats.States["running"] = snap.Running
	stats.States["retrying"] = snap.Retrying
	stats.States["queued"] = max(0, snap.Unfinished-snap.Running-snap.Retrying)
	if snap.Unmanned > 0 {
		stats.Waiting = map[jobs.Reason]int{jobs.WaitWorker: snap.Unmanned}
	}
	for code, n := range counts.Codes {
		stats.Codes[string(code)] = n
	}
	if d.Ingest != nil {
		stats.Role, stats.Ingest = d.Ingest()
	}
	for name, n := range snap.Workers {
		stats.Workers = append(stats.Workers, d.worker(name, n))
	}
	slices.SortFunc(stats.Workers, func(a, b Worker) int { return cmp.Compare(a.Name, b.Name) })
	oldest, err := d.oldestUnfinished(snap)
	stats.OldestUnfinished = utc(oldest)
	return stats, err
}

// worker tells of one worker, with what is known of it if it is on another host.
func (d *Desk) worker(name string, running int) Worker {
	w := Worker{Name: name, Running: running}
	if d.Remote == nil {
		return w
	}
	for _, r := range d.Remote() {
		if r.Name == name {
			w.Concurrency, w.Credential, w.LastSeen = r.Capacity, r.Credential, utc(r.SeenAt)
		}
	}
	return w
}

func (d *Desk) oldestUnfinished(snap schedule.Snapshot) (time.Time, error) {
	seq, ok := snap.Oldest()
	if !ok {
		return time.Time{}, nil
	}
	job, err := d.Ledger.JobBySeq(seq)
	if err != nil {
		return time.Time{}, nil // it ended meanwhile
	}
	return job.ReceivedAt, nil
}

// Watch returns what has changed, as soon as something has.
func (d *Desk) Watch(ctx context.Context, q WatchQuery) (Changes, error) {
	if d.Feed == nil {
		return Changes{}, errors.New("jobs watch: nothing changes while no dispatcher runs")
	}
	return d.Feed.watch(ctx, q), nil
}
