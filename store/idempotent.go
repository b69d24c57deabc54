package store

import (
	"context"
	"encoding/binary"

	"dispatcher/jobs"
)

// OwnKey makes the job with sequence seq the owner of an idempotency key, unless
// another one is, and returns the owner. A job that fails, or is forgotten,
// gives its key up.
func (l *Ledger) OwnKey(ctx context.Context, key string, seq uint64) (owner uint64, err error) {
	err = l.write(ctx, "own idempotency key", func(c *change) error {
		b := c.bucket(bIdempotent)
		if raw := b.Get([]byte("k" + key)); raw != nil {
			owner = binary.BigEndian.Uint64(raw)
			return nil
		}
		owner = seq
		return b.Put([]byte("k"+key), key64(seq))
	}, nil)
	return owner, err
}

// disown gives up the idempotency key of a job that did not succeed, or is
// forgotten.
func (c *change) disown(job *jobs.Job) error {
	if job.Idempotent == "" {
		return nil
	}
	b := c.bucket(bIdempotent)
	raw := b.Get([]byte("k" + job.Idempotent))
	if raw == nil || binary.BigEndian.Uint64(raw) != job.Seq {
		return nil
	}
	return b.Delete([]byte("k" + job.Idempotent))
}
