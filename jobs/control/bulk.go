package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/schedule"
)

const (
	sampleSize = 5      // of the matched jobs a dry run shows so many
	bulkBatch  = 200    // jobs of one transaction
	maxSkipped = 10_000 // an answer has a limit; the numbers count all
)

// bulk changes all jobs of a selection, the oldest first, so that the jobs of a
// key keep their order, batch by batch. It counts as changed what is durable.
type bulk struct {
	desk   *Desk
	what   string
	sel    Selection
	told   Progress
	change func(ctx context.Context, batch []jobs.Job) []schedule.Verdict

	done    Changed
	pending []pending
}

// pending is a job that is in hand.
type pending struct {
	job jobs.Job
	out <-chan struct{}
}

func (b *bulk) run(ctx context.Context, seqs []uint64) (Changed, error) {
	b.done = Changed{Matched: len(seqs), Skipped: []Skipped{}}
	for n := 0; n < len(seqs); {
		batch, err := b.read(seqs[n:min(n+bulkBatch, len(seqs))])
		if err != nil {
			return b.done, err
		}
		n = min(n+bulkBatch, len(seqs))
		for i, v := range b.change(ctx, batch) {
			if err := b.count(batch[i], v); err != nil {
				return b.done, err
			}
		}
		if b.told != nil {
			b.told(n, len(seqs))
		}
		if ctx.Err() != nil {
			return b.done, b.broken(ctx.Err())
		}
	}
	return b.done, b.wait(ctx)
}

// read reads the records of a batch; one that was forgotten meanwhile is left out.
func (b *bulk) read(seqs []uint64) (batch []jobs.Job, err error) {
	for _, seq := range seqs {
		job, err := b.desk.Ledger.JobBySeq(seq)
		switch {
		case errors.Is(err, jobs.ErrNoJob):
			b.done.Matched--
		case err != nil:
			return nil, b.broken(err)
		default:
			batch = append(batch, job)
		}
	}
	return batch, nil
}

func (b *bulk) count(job jobs.Job, v schedule.Verdict) error {
	switch {
	case schedule.IsSkip(v.Err):
		b.skip(job.ID, v.Err.Error())
		return nil
	case v.Err != nil:
		return b.broken(v.Err)
	case v.Pending != nil:
		b.pending = append(b.pending, pending{job, v.Pending})
		return nil
	}
	if b.sel.DryRun {
		if len(b.done.Sample) < sampleSize {
			b.done.Sample = append(b.done.Sample, view(&job))
		}
		return nil
	}
	b.done.Changed++
	return nil
}

// wait waits for the jobs in hand, each of which ends with its request.
func (b *bulk) wait(ctx context.Context) error {
	for _, p := range b.pending {
		select {
		case <-p.out:
		case <-ctx.Done():
			return b.broken(ctx.Err())
		}
		job, err := b.desk.Ledger.JobBySeq(p.job.Seq)
		switch {
		case err != nil:
			return b.broken(err)
		case job.State == jobs.Canceled:
			b.done.Changed++
		case job.State.Ended():
			b.skip(job.ID, "it has "+job.State.String()+" before its next step")
		default:
			return b.broken(fmt.Errorf("%s could not be canceled, see the dispatcher's log", job.ID))
		}
	}
	return nil
}

func (b *bulk) skip(id, why string) {
	if len(b.done.Skipped) < maxSkipped {
		b.done.Skipped = append(b.done.Skipped, Skipped{ID: id, Why: why})
	}
}

// broken says how far it came.
func (b *bulk) broken(err error) error {
	return fmt.Errorf("%s: stopped after %d of %d jobs: %w; what is done stays, repeat it for the rest", b.what, b.done.Changed, b.done.Matched, err)
}

// selected returns the sequences of the jobs that a command is about, ascending.
// Without a state in the filter those in one of states are meant.
func (d *Desk) selected(ctx context.Context, sel Selection, states ...jobs.State) (seqs []uint64, err error) {
	if len(sel.IDs) > 0 {
		return d.bySeq(sel.IDs)
	}
	filter := sel.Filter
	if len(filter.States) == 0 {
		filter.States = states
	}
	wide, running := d.widen(filter)
	for before := uint64(0); ; {
		page, next, err := d.Ledger.List(wide, before, MaxPage)
		if err != nil {
			return nil, fmt.Errorf("look for jobs: %w", err)
		}
		for i := range page {
			if !running || slices.Contains(filter.States, d.state(&page[i])) {
				seqs = append(seqs, page[i].Seq)
			}
		}
		if next == 0 || ctx.Err() != nil {
			slices.Reverse(seqs)
			return seqs, ctx.Err()
		}
		before = next
	}
}

func (d *Desk) bySeq(ids []string) (seqs []uint64, err error) {
	for _, id := range ids {
		job, err := d.Ledger.Job(id)
		if err != nil {
			return nil, err
		}
		seqs = append(seqs, job.Seq)
	}
	slices.Sort(seqs)
	return slices.Compact(seqs), nil
}

// audit is what is kept of an operator's command.
func (d *Desk) audit(action string, s Signed) jobs.AuditEntry {
	return jobs.AuditEntry{At: d.now(), Operator: s.Operator, Action: action, Reason: s.Reason}
}

func (d *Desk) now() time.Time {
	if d.Clock == nil {
		return time.Now()
	}
	return d.Clock()
}
