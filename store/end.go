package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"dispatcher/jobs"
)

// Checkpoint records steps of an unfinished job; a step of the same name
// replaces the former. With sync it returns after the sync, else at once, and
// the record rides with the next commit.
func (l *Ledger) Checkpoint(ctx context.Context, seq uint64, steps []jobs.Step, sync bool) error {
	apply := func(c *change) error { return c.putSteps(seq, steps) }
	if !sync {
		return l.enqueue("checkpoint", apply)
	}
	return l.write(ctx, "checkpoint", apply, nil)
}

// Update stores an unfinished job again, after an attempt that failed
// (attempt) or one that was put back (nil). A payload is kept in the ledger.
func (l *Ledger) Update(ctx context.Context, job jobs.Job, attempt *jobs.Attempt, steps []jobs.Step, payload []byte) error {
	return l.write(ctx, "update job "+job.ID, func(c *change) error {
		before, err := c.openJob(job.Seq)
		if err != nil {
			return err
		}
		c.counts.add(&before, -1)
		c.counts.add(&job, 1)
		if err := c.putSteps(job.Seq, steps); err != nil {
			return err
		}
		if err := c.putAttempt(job.Seq, attempt); err != nil {
			return err
		}
		if payload != nil {
			if err := c.bucket(bPayloads).Put(key64(job.Seq), payload); err != nil {
				return err
			}
		}
		if err := c.endLease(key64(job.Seq)); err != nil {
			return err
		}
		return c.bucket(bOpen).Put(key64(job.Seq), encodeJob(&job, nil))
	}, nil)
}

// End stores that jobs have ended, all or none. Their offsets are finished at
// once, but that of a failed one when its error record is delivered.
func (l *Ledger) End(ctx context.Context, list ...jobs.Ending) error {
	what := "end jobs"
	if len(list) == 1 {
		what = "end job " + list[0].Job.ID
	}
	return l.submit(ctx, what, &operation{outcome: true, apply: func(c *change) error {
		for i := range list {
			if err := c.end(l, &list[i]); err != nil {
				return err
			}
		}
		return nil
	}})
}

func (c *change) end(l *Ledger, e *jobs.Ending) error {
	key := key64(e.Job.Seq)
	open, raw, ok := c.find(bOpen, key)
	if !ok || len(raw) <= atState {
		return fmt.Errorf("job %d is not unfinished", e.Job.Seq)
	}
	c.counts.add(&jobs.Job{State: jobs.State(raw[atState])}, -1)
	c.counts.add(&e.Job, 1)
	if err := open.Delete(); err != nil {
		return err
	}
	if err := c.endLease(key); err != nil {
		return err
	}
	if e.Audit != nil {
		if err := c.putAudit(e.Job.Seq, e.Audit); err != nil {
			return err
		}
	}
	if err := c.putEnded(*e); err != nil {
		return err
	}
	if e.Job.State != jobs.Failed && !e.Report {
		c.finishJob(l, &e.Job)
	}
	return nil
}

// openJob reads the record of an unfinished job.
func (c *change) openJob(seq uint64) (jobs.Job, error) {
	raw := c.bucket(bOpen).Get(key64(seq))
	if raw == nil {
		return jobs.Job{}, fmt.Errorf("job %d is not unfinished", seq)
	}
	job, _, err := decodeJob(seq, raw)
	return job, err
}

// putEnded writes the record of an ended job and all that belongs to it.
func (c *change) putEnded(e jobs.Ending) error {
	job := &e.Job
	key := key64(job.Seq)
	if err := c.bucket(bDone).Put(key, encodeJob(job, e.Steps)); err != nil {
		return err
	}
	if err := c.bucket(bEnded).Put(endedKey(job), nil); err != nil {
		return err
	}
	if err := c.putAttempt(job.Seq, e.Attempt); err != nil {
		return err
	}
	if err := c.countKey(job); err != nil {
		return err
	}
	if job.State == jobs.Failed || job.State == jobs.Canceled {
		if err := c.disown(job); err != nil {
			return err
		}
	}
	if job.State != jobs.Failed && job.State != jobs.Canceled && !e.Report {
		return c.remove(bPayloads, key)
	}
	if e.Payload != nil { // it may be retried, or is reported
		if err := c.bucket(bPayloads).Put(key, e.Payload); err != nil {
			return err
		}
	}
	switch {
	case e.Report:
		c.counts.results++
		return c.queue(bResults, job.Seq)
	case job.State == jobs.Failed:
		c.counts.outbox++
		return c.queue(bOutbox, job.Seq)
	}
	return nil
}

// unreported reports whether Kafka has yet to acknowledge the record of a job.
func (c *change) unreported(key []byte) bool {
	return c.queued(bOutbox, key) || c.queued(bResults, key)
}

// Retention classes: the first byte of keys in the bucket ended.
const (
	classSucceeded = 's' // and released
	classFailed    = 'f' // and canceled
)

func endedKey(job *jobs.Job) []byte {
	key := make([]byte, 0, 17)
	if job.State == jobs.Failed || job.State == jobs.Canceled {
		key = append(key, classFailed)
	} else {
		key = append(key, classSucceeded)
	}
	key = binary.BigEndian.AppendUint64(key, uint64(job.FinishedAt.UnixNano()))
	return binary.BigEndian.AppendUint64(key, job.Seq)
}

// numbered returns a new key below seq in one of the buckets of lists.
func (c *change) numbered(name []byte, seq uint64) ([]byte, error) {
	n, err := c.bucket(name).NextSequence()
	return binary.BigEndian.AppendUint64(key64(seq), n), err
}

func (c *change) putSteps(seq uint64, steps []jobs.Step) error {
	for i := range steps {
		key, err := c.numbered(bSteps, seq)
		if err != nil {
			return err
		}
		var e jobs.Encoder
		putStep(&e, &steps[i])
		e.Seal(0)
		if err := c.bucket(bSteps).Put(key, e.B); err != nil {
			return err
		}
	}
	return nil
}

func (c *change) putAttempt(seq uint64, a *jobs.Attempt) error {
	if a == nil {
		return nil
	}
	key, err := c.numbered(bAttempts, seq)
	if err != nil {
		return err
	}
	var e jobs.Encoder
	putAttempt(&e, a)
	e.Seal(0)
	return c.bucket(bAttempts).Put(key, e.B)
}

func (c *change) putAudit(seq uint64, a *jobs.AuditEntry) error {
	key, err := c.numbered(bAudit, seq)
	if err != nil {
		return err
	}
	var e jobs.Encoder
	putAudit(&e, a)
	e.Seal(0)
	return c.bucket(bAudit).Put(key, e.B)
}

// Keep copies a payload out of JOBS into the ledger.
func (l *Ledger) Keep(ctx context.Context, seq uint64, payload []byte) error {
	return l.write(ctx, "keep payload", func(c *change) error {
		raw := c.bucket(bOpen).Get(key64(seq))
		if raw == nil {
			return nil // it ended meanwhile
		}
		job, _, err := decodeJob(seq, raw)
		if err != nil {
			return err
		}
		job.StreamSeq = 0
		if err := c.bucket(bPayloads).Put(key64(seq), payload); err != nil {
			return err
		}
		return c.bucket(bOpen).Put(key64(seq), encodeJob(&job, nil))
	}, nil)
}

// deleteList removes all records below seq in a bucket of lists.
func (c *change) deleteList(name []byte, seq uint64) error {
	prefix := key64(seq)
	cursor := c.bucket(name).Cursor()
	for k, _ := cursor.Seek(prefix); hasPrefix(k, prefix); k, _ = cursor.Seek(prefix) {
		if err := cursor.Delete(); err != nil {
			return err
		}
	}
	return nil
}

// Expire forgets ended jobs that are older than their retention, at most limit
// of them, the oldest first. Those not yet reported stay.
func (l *Ledger) Expire(ctx context.Context, now time.Time, keepSucceeded, keepFailed time.Duration, limit int) (n int, err error) {
	err = l.write(ctx, "expire jobs", func(c *change) error {
		n = 0
		for class, keep := range map[byte]time.Duration{classSucceeded: keepSucceeded, classFailed: keepFailed} {
			forgotten, err := c.expire(class, now.Add(-keep), limit-n)
			if err != nil {
				return err
			}
			n += forgotten
		}
		return nil
	}, nil)
	return n, err
}

func (c *change) expire(class byte, before time.Time, limit int) (n int, err error) {
	var old [][]byte
	cursor := c.bucket(bEnded).Cursor()
	for k, _ := cursor.Seek([]byte{class}); len(k) == 17 && k[0] == class && len(old) < limit; k, _ = cursor.Next() {
		if int64(binary.BigEndian.Uint64(k[1:])) > before.UnixNano() {
			break
		}
		if !c.unreported(k[9:]) {
			old = append(old, append([]byte(nil), k...))
		}
	}
	for _, k := range old {
		seq := binary.BigEndian.Uint64(k[9:])
		if err := c.bucket(bEnded).Delete(k); err != nil {
			return n, err
		}
		if err := c.forget(seq); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// forget removes all that is known of an ended job.
func (c *change) forget(seq uint64) error {
	key := key64(seq)
	raw := c.bucket(bDone).Get(key)
	if raw == nil {
		return nil
	}
	job, _, err := decodeJob(seq, raw)
	if err != nil {
		return err
	}
	c.counts.add(&job, -1)
	if err := c.uncountKey(&job); err != nil {
		return err
	}
	if err := c.disown(&job); err != nil {
		return err
	}
	for _, name := range [][]byte{bSteps, bAttempts, bAudit} {
		if err := c.deleteList(name, seq); err != nil {
			return err
		}
	}
	if err := c.bucket(bIDs).Delete([]byte(job.ID)); err != nil {
		return err
	}
	if err := c.bucket(bPayloads).Delete(key); err != nil {
		return err
	}
	return c.bucket(bDone).Delete(key)
}

// finishJob counts a job's offset as finished. A job of an earlier reading of
// the log says nothing about the present one.
func (c *change) finishJob(l *Ledger, job *jobs.Job) {
	p := job.Source.KafkaPartition()
	if job.Submitted || max(job.Replay, 1) != c.partition(l, p).Replay {
		return
	}
	c.finish(p, job.Source.Offset, job.Source.Offset)
}
