package store

import (
	"context"

	"dispatcher/jobs"
)

// Reopen makes ended jobs unfinished again, as an operator asked, in one
// transaction. It tells, by index, which of them it did: one that is unfinished
// already is left as it is.
func (l *Ledger) Reopen(ctx context.Context, list []jobs.Job, fromStart bool, audit jobs.AuditEntry) (reopened []bool, err error) {
	reopened = make([]bool, len(list))
	err = l.write(ctx, "reopen jobs", func(c *change) error {
		for i := range list {
			var err error
			if reopened[i], err = c.reopen(&list[i], fromStart, &audit); err != nil {
				return err
			}
		}
		return nil
	}, nil)
	return reopened, err
}

func (c *change) reopen(job *jobs.Job, fromStart bool, audit *jobs.AuditEntry) (done bool, err error) {
	key := key64(job.Seq)
	raw := c.bucket(bDone).Get(key)
	if raw == nil {
		return false, nil
	}
	before, steps, err := decodeJob(job.Seq, raw)
	if err != nil {
		return false, err
	}
	if err := c.remember(key, raw); err != nil { // how it failed may be yet to be reported
		return false, err
	}
	c.counts.add(&before, -1)
	c.counts.add(job, 1)
	if err := c.uncountKey(&before); err != nil {
		return false, err
	}
	if err := c.bucket(bEnded).Delete(endedKey(&before)); err != nil {
		return false, err
	}
	if err := c.bucket(bDone).Delete(key); err != nil {
		return false, err
	}
	if fromStart {
		err = c.deleteList(bSteps, job.Seq)
	} else {
		err = c.putSteps(job.Seq, steps)
	}
	if err != nil {
		return false, err
	}
	if err := c.putAudit(job.Seq, audit); err != nil {
		return false, err
	}
	return true, c.bucket(bOpen).Put(key, encodeJob(job, nil))
}
