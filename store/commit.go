package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"dispatcher/jobs"
)

// These bound the time from one commit to the next: the more operations the last one
// had, the more may share the next sync. A lone one never waits. Outcomes can wait
// longer than what an attempt stands still for, such as a lease.
const (
	pauseEach     = 250 * time.Microsecond
	pauseMost     = 5 * time.Millisecond
	pauseOutcomes = 10 * time.Millisecond
)

// maxBatch bounds the operations of one transaction.
const maxBatch = 4096

// operation is one write. apply may run more than once and must change nothing
// but the transaction; after runs once, when it is stored.
type operation struct {
	apply func(*change) error
	after func()
	done  chan error // nil: nobody waits

	outcome bool // of a job: no attempt stands still for it
}

// change is a transaction in the making, with what memory learns from it.
type change struct {
	tx       *bolt.Tx
	counts   counts
	finished map[jobs.Partition][]jobs.Interval
	begun    map[jobs.Partition][]jobs.Interval // partitions that begin anew
	states   map[jobs.Partition]jobs.PartitionState
	cursors  map[string]*bolt.Cursor // by bucket, see find
}

func (c *change) bucket(name []byte) *bolt.Bucket { return c.tx.Bucket(name) }

// find looks a key up; the cursor stands on it then, and may delete it. [bolt.Bucket]
// makes a cursor for each Get and each Delete, which costs more than the search.
func (c *change) find(name, key []byte) (at *bolt.Cursor, value []byte, ok bool) {
	at = c.cursors[string(name)]
	if at == nil {
		at = c.bucket(name).Cursor()
		c.cursors[string(name)] = at
	}
	k, value := at.Seek(key)
	return at, value, bytes.Equal(k, key)
}

// remove deletes a key, if it is there.
func (c *change) remove(name, key []byte) error {
	at, _, ok := c.find(name, key)
	if !ok {
		return nil
	}
	return at.Delete()
}

// write queues an operation and waits until it is stored. Once it is queued it takes
// place, so that the end of ctx is not waited for: whoever heard that it failed would
// have in memory what the file does not say.
func (l *Ledger) write(ctx context.Context, what string, apply func(*change) error, after func()) error {
	return l.submit(ctx, what, &operation{apply: apply, after: after})
}

func (l *Ledger) submit(ctx context.Context, what string, op *operation) error {
	op.done = make(chan error, 1)
	select {
	case l.queue <- op:
	case <-l.quit:
		return fmt.Errorf("%s: %w", what, ErrClosed)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	var err error
	select {
	case err = <-op.done:
	case <-l.ended:
		select {
		case err = <-op.done:
		default: // it was queued too late
			return fmt.Errorf("%s: %w", what, ErrClosed)
		}
	}
	if err != nil {
		return storageError(what, err)
	}
	return nil
}

// enqueue queues an operation that rides with the next commit.
func (l *Ledger) enqueue(what string, apply func(*change) error) error {
	select {
	case l.queue <- &operation{apply: apply}:
		return nil
	case <-l.quit:
		return fmt.Errorf("%s: %w", what, ErrClosed)
	}
}

// commitLoop takes all that waits into one transaction, again and again.
func (l *Ledger) commitLoop() {
	defer close(l.ended)
	var batch []*operation
	var last time.Time
	var pause time.Duration
	for {
		select {
		case op := <-l.queue:
			batch = append(batch[:0], op)
			if early := pause - time.Since(last); early > 0 {
				time.Sleep(early)
			}
		case <-l.quit:
			if batch = l.drain(batch[:0]); len(batch) == 0 {
				return
			}
		}
		last = time.Now()
		batch = l.drain(batch)
		pause = pauseAfter(batch)
		l.commit(batch)
	}
}

// pauseAfter is the time from the commit of a batch to the next.
func pauseAfter(batch []*operation) time.Duration {
	most := pauseOutcomes
	if slices.ContainsFunc(batch, func(op *operation) bool { return !op.outcome }) {
		most = pauseMost
	}
	return min(time.Duration(len(batch))*pauseEach, most)
}

func (l *Ledger) drain(batch []*operation) []*operation {
	for len(batch) < maxBatch {
		select {
		case op := <-l.queue:
			batch = append(batch, op)
		default:
			return batch
		}
	}
	return batch
}

// commit stores a batch. If the transaction fails each operation has one of its
// own, so that none suffers for another.
func (l *Ledger) commit(batch []*operation) {
	err := l.tryCommit(batch)
	if err != nil && len(batch) > 1 {
		for _, op := range batch {
			l.commit([]*operation{op})
		}
		return
	}
	for _, op := range batch {
		if err == nil && op.after != nil {
			op.after()
		}
		if op.done != nil {
			op.done <- err
		}
	}
}

func (l *Ledger) tryCommit(batch []*operation) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	c := &change{
		counts:   l.counts.clone(),
		finished: make(map[jobs.Partition][]jobs.Interval),
		begun:    make(map[jobs.Partition][]jobs.Interval),
		states:   make(map[jobs.Partition]jobs.PartitionState),
		cursors:  make(map[string]*bolt.Cursor),
	}
	var fresh map[jobs.Partition]*partition
	err = l.db.Update(func(tx *bolt.Tx) error {
		c.tx = tx
		for _, op := range batch {
			if err := op.apply(c); err != nil {
				return err
			}
		}
		if c.counts.changed {
			if err := c.bucket(bMeta).Put([]byte("counts"), c.counts.encode()); err != nil {
				return err
			}
		}
		var err error
		fresh, err = l.storePartitions(c)
		return err
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts = c.counts
	for p, state := range fresh {
		l.partitions[p] = state
	}
	return nil
}
