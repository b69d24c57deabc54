package store

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	bolt "go.etcd.io/bbolt"

	"dispatcher/jobs"
)

// Replayed reports whether a failure was made a job again, by the id of that
// job. It is known when the job itself has been forgotten, too.
func (l *Ledger) Replayed(id string) (was bool) {
	_ = l.db.View(func(tx *bolt.Tx) error {
		was = tx.Bucket(bReplayed).Get([]byte(id)) != nil
		return nil
	})
	return was
}

// noteReplay remembers a new job that replays a failure.
func (c *change) noteReplay(job *jobs.Job) error {
	if !job.Submitted || !strings.HasPrefix(job.ID, jobs.ReplayPrefix) {
		return nil
	}
	return c.bucket(bReplayed).Put([]byte(job.ID), []byte{})
}

// replaysAtOnce bounds what one transaction forgets.
const replaysAtOnce = 1000

// ForgetReplays forgets that failures of before a time were replayed, except
// those that are present on the errors topic.
func (l *Ledger) ForgetReplays(ctx context.Context, before time.Time, present map[string]bool) (n int, err error) {
	for from := []byte(nil); ; {
		old, next := l.oldReplays(from, before, present)
		if len(old) > 0 {
			err = l.write(ctx, "forget replays", func(c *change) error {
				for _, id := range old {
					if err := c.bucket(bReplayed).Delete(id); err != nil {
						return err
					}
				}
				return nil
			}, nil)
		}
		if err != nil {
			return n, err
		}
		n += len(old)
		if from = next; from == nil {
			return n, nil
		}
	}
}

// oldReplays returns some of the ids from one on, and where to go on. They are in
// the order of time: a ULID begins with when its failure was.
func (l *Ledger) oldReplays(from []byte, before time.Time, present map[string]bool) (old [][]byte, next []byte) {
	_ = l.db.View(func(tx *bolt.Tx) error {
		cursor := tx.Bucket(bReplayed).Cursor()
		for k, _ := cursor.Seek(from); k != nil; k, _ = cursor.Next() {
			id, err := ulid.ParseStrict(strings.TrimPrefix(string(k), jobs.ReplayPrefix))
			if err == nil && !ulid.Time(id.Time()).Before(before) {
				return nil
			}
			if len(old) == replaysAtOnce {
				next = bytes.Clone(k)
				return nil
			}
			if !present[string(k)] {
				old = append(old, bytes.Clone(k))
			}
		}
		return nil
	})
	return old, next
}
