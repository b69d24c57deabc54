package store

import (
	"strings"

	bolt "go.etcd.io/bbolt"

	"dispatcher/jobs"
)

// Replayed reports whether a failure was made a job again, by the id of that
// job. It is known as long as the data directory is, also when the job has been
// forgotten.
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
