package store

import (
	"bytes"
	"context"
	"encoding/binary"

	bolt "go.etcd.io/bbolt"

	"dispatcher/jobs"
)

// Outbox returns the failures whose error record Kafka has not acknowledged, from
// behind one on, by job.
func (l *Ledger) Outbox(after jobs.Report, limit int) ([]jobs.Report, error) {
	return l.waiting(bOutbox, after, limit)
}

// Ended returns a job that waits to be reported as it was when it ended: since
// then it may have been retried.
func (l *Ledger) Ended(r jobs.Report) (job jobs.Job, err error) {
	err = l.db.View(func(tx *bolt.Tx) error {
		if raw := tx.Bucket(bOutbox).Get(reportKey(r)); len(raw) > 0 {
			job, _, err = decodeJob(r.Seq, raw)
		} else {
			job, _, err = readJob(tx, r.Seq)
		}
		return err
	})
	return job, err
}

// Results returns the successes whose result Kafka has not acknowledged.
func (l *Ledger) Results(after jobs.Report, limit int) ([]jobs.Report, error) {
	return l.waiting(bResults, after, limit)
}

func (l *Ledger) waiting(name []byte, after jobs.Report, limit int) (list []jobs.Report, err error) {
	err = l.db.View(func(tx *bolt.Tx) error {
		cursor := tx.Bucket(name).Cursor()
		for k, _ := cursor.Seek(reportKey(after)); k != nil && len(list) < limit; k, _ = cursor.Next() {
			if r := reportOf(k); r != after {
				list = append(list, r)
			}
		}
		return nil
	})
	return list, err
}

// reportKey is where a report waits. Those of earlier versions have no number.
func reportKey(r jobs.Report) []byte {
	if r.N == 0 {
		return key64(r.Seq)
	}
	return binary.BigEndian.AppendUint64(key64(r.Seq), r.N)
}

func reportOf(key []byte) (r jobs.Report) {
	r.Seq = binary.BigEndian.Uint64(key)
	if len(key) == 16 {
		r.N = binary.BigEndian.Uint64(key[8:])
	}
	return r
}

// queue puts a job's end among those to be reported.
func (c *change) queue(name []byte, seq uint64) error {
	key, err := c.numbered(name, seq)
	if err != nil {
		return err
	}
	return c.bucket(name).Put(key, nil)
}

// queued reports whether an end of the job with a key waits in a bucket.
func (c *change) queued(name, key []byte) bool {
	k, _ := c.bucket(name).Cursor().Seek(key)
	return hasPrefix(k, key)
}

// remember keeps how a job has ended with its reports, before it is retried.
func (c *change) remember(key, record []byte) error {
	cursor := c.bucket(bOutbox).Cursor()
	for k, v := cursor.Seek(key); hasPrefix(k, key); k, v = cursor.Next() {
		if len(v) > 0 {
			continue // of an earlier end
		}
		// The record is in the transaction's own memory or the file's: a copy.
		return c.bucket(bOutbox).Put(bytes.Clone(k), bytes.Clone(record))
	}
	return nil
}

// Delivered notes that Kafka has acknowledged the error records of jobs: their
// offsets count as finished now.
func (l *Ledger) Delivered(ctx context.Context, list []jobs.Report) error {
	return l.write(ctx, "note delivered errors", func(c *change) error {
		return c.delivered(l, bOutbox, list, func([]byte) error {
			c.counts.outbox--
			c.counts.changed = true
			return nil
		})
	}, nil)
}

// ResultsDelivered notes that Kafka has acknowledged the results of jobs: their
// offsets count as finished now, and their messages are not needed any more.
func (l *Ledger) ResultsDelivered(ctx context.Context, list []jobs.Report) error {
	return l.write(ctx, "note delivered results", func(c *change) error {
		return c.delivered(l, bResults, list, func(key []byte) error {
			c.counts.results--
			return c.bucket(bPayloads).Delete(key)
		})
	}, nil)
}

func (c *change) delivered(l *Ledger, name []byte, list []jobs.Report, done func(key []byte) error) error {
	for _, r := range list {
		key := key64(r.Seq)
		if c.bucket(name).Get(reportKey(r)) == nil {
			continue
		}
		if err := c.bucket(name).Delete(reportKey(r)); err != nil {
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
		job, _, err := decodeJob(r.Seq, raw)
		if err != nil {
			return err
		}
		c.finishJob(l, &job)
	}
	return nil
}
