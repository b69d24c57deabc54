package store

import (
	"context"
	"encoding/binary"

	bolt "go.etcd.io/bbolt"

	"dispatcher/jobs"
)

// Outbox returns the failed jobs whose error record Kafka has not acknowledged,
// from behind sequence after on, oldest first.
func (l *Ledger) Outbox(after uint64, limit int) ([]uint64, error) {
	return l.waiting(bOutbox, after, limit)
}

// Ended returns a job that waits to be reported as it was when it ended: since
// then it may have been retried.
func (l *Ledger) Ended(seq uint64) (job jobs.Job, err error) {
	err = l.db.View(func(tx *bolt.Tx) error {
		if raw := tx.Bucket(bOutbox).Get(key64(seq)); len(raw) > 0 {
			job, _, err = decodeJob(seq, raw)
		} else {
			job, _, err = readJob(tx, seq)
		}
		return err
	})
	return job, err
}

// Results returns the succeeded jobs whose result Kafka has not acknowledged.
func (l *Ledger) Results(after uint64, limit int) ([]uint64, error) {
	return l.waiting(bResults, after, limit)
}

func (l *Ledger) waiting(name []byte, after uint64, limit int) (seqs []uint64, err error) {
	err = l.db.View(func(tx *bolt.Tx) error {
		cursor := tx.Bucket(name).Cursor()
		for k, _ := cursor.Seek(key64(after + 1)); k != nil && len(seqs) < limit; k, _ = cursor.Next() {
			seqs = append(seqs, binary.BigEndian.Uint64(k))
		}
		return nil
	})
	return seqs, err
}

// Delivered notes that Kafka has acknowledged the error records of jobs: their
// offsets count as finished now.
func (l *Ledger) Delivered(ctx context.Context, seqs []uint64) error {
	return l.write(ctx, "note delivered errors", func(c *change) error {
		return c.delivered(l, bOutbox, seqs, func([]byte) error {
			c.counts.outbox--
			c.counts.changed = true
			return nil
		})
	}, nil)
}

// ResultsDelivered notes that Kafka has acknowledged the results of jobs: their
// offsets count as finished now, and their messages are not needed any more.
func (l *Ledger) ResultsDelivered(ctx context.Context, seqs []uint64) error {
	return l.write(ctx, "note delivered results", func(c *change) error {
		return c.delivered(l, bResults, seqs, c.bucket(bPayloads).Delete)
	}, nil)
}

func (c *change) delivered(l *Ledger, name []byte, seqs []uint64, done func(key []byte) error) error {
	for _, seq := range seqs {
		key := key64(seq)
		if c.bucket(name).Get(key) == nil {
			continue
		}
		if err := c.bucket(name).Delete(key); err != nil {
			return err
		}
		if err := done(key); err != nil {
			return err
		}
		raw := c.bucket(bDone).Get(key)
		if raw == nil { // reopened meanwhile: still in open
			raw = c.bucket(bOpen).Get(key)
		}
		if raw == nil {
			continue
		}
		job, _, err := decodeJob(seq, raw)
		if err != nil {
			return err
		}
		c.finishJob(l, &job)
	}
	return nil
}
