package control

import (
	"context"

	"dispatcher/jobs"
	"dispatcher/jobs/schedule"
)

// Retry has ended jobs carried out again. It returns after the last is durable.
func (d *Desk) Retry(ctx context.Context, q RetryQuery, told Progress) (Changed, error) {
	seqs, err := d.selected(ctx, q.Selection, jobs.Failed, jobs.Canceled)
	if err != nil {
		return Changed{}, err
	}
	how := schedule.Reopening{FromStart: q.FromStart, Force: q.Force, DryRun: q.DryRun, Audit: d.audit("retry", q.Signed)}
	b := bulk{desk: d, what: "retry", sel: q.Selection, told: told}
	b.change = func(ctx context.Context, batch []jobs.Job) []schedule.Verdict {
		verdicts := make([]schedule.Verdict, len(batch))
		for i, err := range d.Scheduler.Reopen(ctx, batch, how) {
			verdicts[i].Err = err
		}
		return verdicts
	}
	return b.run(ctx, seqs)
}

// Cancel ends unfinished jobs. It returns when each of them has ended: one that
// runs does so before its next step.
func (d *Desk) Cancel(ctx context.Context, q CancelQuery, told Progress) (Changed, error) {
	seqs, err := d.selected(ctx, q.Selection, jobs.Queued, jobs.Running, jobs.Retrying)
	if err != nil {
		return Changed{}, err
	}
	how := schedule.Cancellation{DryRun: q.DryRun, Audit: d.audit("cancel", q.Signed)}
	b := bulk{desk: d, what: "cancel", sel: q.Selection, told: told}
	b.change = func(ctx context.Context, batch []jobs.Job) []schedule.Verdict {
		return d.Scheduler.Cancel(ctx, batch, how)
	}
	return b.run(ctx, seqs)
}
