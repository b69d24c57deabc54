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

// sampleSize is how many of the matched jobs a dry run shows.
const sampleSize = 5

// Retry has ended jobs carried out again, the oldest first, so that the jobs of
// a key keep their order. It returns after the last is durable.
func (d *Desk) Retry(ctx context.Context, q RetryQuery) (Changed, error) {
	matched, err := d.match(ctx, q)
	done := Changed{Matched: len(matched), Skipped: []Skipped{}}
	if err != nil {
		return done, err
	}
	how := schedule.Reopening{
		FromStart: q.FromStart,
		Force:     q.Force,
		DryRun:    q.DryRun,
		Audit:     jobs.AuditEntry{At: d.now(), Operator: q.Operator, Action: "retry", Reason: q.Reason},
	}
	for i := range matched {
		job := matched[i]
		err := d.Scheduler.Reopen(ctx, job, how)
		switch {
		case schedule.IsSkip(err):
			done.Skipped = append(done.Skipped, Skipped{ID: job.ID, Why: err.Error()})
		case err != nil:
			return done, fmt.Errorf("retry %s: %w", job.ID, err)
		case !q.DryRun:
			done.Changed++
		}
		if q.DryRun && len(done.Sample) < sampleSize {
			done.Sample = append(done.Sample, view(&job))
		}
	}
	return done, nil
}

// match returns the jobs that a command is about, oldest first.
func (d *Desk) match(ctx context.Context, q RetryQuery) (matched []jobs.Job, err error) {
	if len(q.IDs) > 0 {
		return d.byID(q.IDs)
	}
	filter := q.Filter
	if len(filter.States) == 0 {
		filter.States = []jobs.State{jobs.Failed, jobs.Canceled}
	}
	for before := uint64(0); ; {
		page, next, err := d.Ledger.List(filter, before, MaxPage)
		if err != nil {
			return nil, fmt.Errorf("list jobs to retry: %w", err)
		}
		matched = append(matched, page...)
		if next == 0 || ctx.Err() != nil {
			slices.Reverse(matched)
			return matched, ctx.Err()
		}
		before = next
	}
}

func (d *Desk) byID(ids []string) (matched []jobs.Job, err error) {
	for _, id := range ids {
		job, err := d.Ledger.Job(id)
		if err != nil {
			return nil, fmt.Errorf("job %s: %w", id, err)
		}
		matched = append(matched, job)
	}
	slices.SortFunc(matched, func(a, b jobs.Job) int {
		if a.Seq < b.Seq {
			return -1
		}
		return 1
	})
	return matched, nil
}

func (d *Desk) now() time.Time {
	if d.Clock == nil {
		return time.Now()
	}
	return d.Clock()
}

// IsNoJob reports whether err says that an id is unknown.
func IsNoJob(err error) bool { return errors.Is(err, jobs.ErrNoJob) }
