package store

import (
	"bytes"

	bolt "go.etcd.io/bbolt"

	"dispatcher/jobs"
)

// The bucket keys remembers the last success of each ordering key that has
// failed or canceled jobs, so that an operator's retry of an old one can be
// skipped as superseded. Its value is: number of such jobs, last success.

// key reads what is known of an ordering key.
func (c *change) key(key string) (failed, last uint64) {
	if _, raw, ok := c.find(bKeys, append([]byte{'k'}, key...)); ok {
		return decodeKey(raw)
	}
	return 0, 0
}

func decodeKey(raw []byte) (failed, last uint64) {
	if raw == nil {
		return 0, 0
	}
	d := jobs.OpenRecord(raw)
	return d.Uint(), d.Uint()
}

func writeKey(b *bolt.Bucket, key string, failed, last uint64) error {
	if failed == 0 {
		return b.Delete([]byte("k" + key))
	}
	var e jobs.Encoder
	e.Uint(failed)
	e.Uint(last)
	e.Seal(0)
	return b.Put([]byte("k"+key), e.B)
}

// countKey notes the end of a job.
func (c *change) countKey(job *jobs.Job) error {
	failed, last := c.key(job.Key)
	b := c.bucket(bKeys)
	switch job.State {
	case jobs.Failed, jobs.Canceled:
		return writeKey(b, job.Key, failed+1, last)
	case jobs.Succeeded:
		if failed > 0 && job.Seq > last {
			return writeKey(b, job.Key, failed, job.Seq)
		}
	}
	return nil
}

// uncountKey notes that an ended job is reopened or forgotten.
func (c *change) uncountKey(job *jobs.Job) error {
	if job.State != jobs.Failed && job.State != jobs.Canceled {
		return nil
	}
	failed, last := c.key(job.Key)
	return writeKey(c.bucket(bKeys), job.Key, max(failed, 1)-1, last)
}

// LastSuccess returns the newest job of key that succeeded, as long as a failed
// or canceled job of the key is kept.
func (l *Ledger) LastSuccess(key string) (seq uint64, ok bool) {
	_ = l.db.View(func(tx *bolt.Tx) error {
		_, seq = decodeKey(tx.Bucket(bKeys).Get([]byte("k" + key)))
		return nil
	})
	return seq, seq != 0
}

func hasPrefix(key, prefix []byte) bool { return key != nil && bytes.HasPrefix(key, prefix) }
