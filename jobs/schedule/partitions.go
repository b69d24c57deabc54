package schedule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"dispatcher/jobs"
)

// partitionIndex numbers the partitions and keeps, for each, the entries whose
// payload is in JOBS in the order of the stream, so that what nobody needs any
// more can be purged.
type partitionIndex struct {
	list []partitionQueue
}

type partitionQueue struct {
	partition jobs.Partition
	pending   []*entry // ascending by streamSeq; gone ones are dropped lazily
	purged    uint64   // everything before is gone
	highest   uint64
}

// index returns the number of p; the zero partition is that of submitted jobs.
func (x *partitionIndex) index(p jobs.Partition) int32 {
	for i := range x.list {
		if x.list[i].partition == p {
			return int32(i)
		}
	}
	x.list = append(x.list, partitionQueue{partition: p})
	return int32(len(x.list) - 1)
}

func (x *partitionIndex) add(e *entry) {
	if e.streamSeq == 0 {
		return
	}
	q := &x.list[e.partition]
	if q.highest < e.streamSeq {
		q.highest = e.streamSeq
		q.pending = append(q.pending, e)
		return
	}
	at, _ := slices.BinarySearchFunc(q.pending, e.streamSeq, func(p *entry, seq uint64) int {
		return int(int64(p.streamSeq - seq))
	})
	q.pending = slices.Insert(q.pending, at, e)
}

// seen says that everything of p up to a place in JOBS is known here: jobs that
// were born failed are no entries, and must go all the same.
func (x *partitionIndex) seen(p jobs.Partition, streamSeq uint64) {
	q := &x.list[x.index(p)]
	q.highest = max(q.highest, streamSeq)
}

func (x *partitionIndex) remove(e *entry) {
	if e.streamSeq == 0 || e.phase == gone {
		return // dropped when the purge comes by
	}
	q := &x.list[e.partition]
	if i := slices.Index(q.pending, e); i >= 0 {
		q.pending = slices.Delete(q.pending, i, i+1)
	}
}

// at returns the entry whose payload is at a place of a partition in JOBS.
func (x *partitionIndex) at(p jobs.Partition, streamSeq uint64) *entry {
	pending := x.list[x.index(p)].pending
	i, ok := slices.BinarySearchFunc(pending, streamSeq, func(e *entry, seq uint64) int { return cmp.Compare(e.streamSeq, seq) })
	if !ok {
		return nil
	}
	return pending[i]
}

// purge is one due purge: all of a partition before a place in JOBS.
type purge struct {
	partition jobs.Partition
	before    uint64
}

// purges lists what can go, and pinned the entries that keep a long run of
// payloads from going.
func (x *partitionIndex) purges(maxPinned int) (list []purge, pinned []*entry) {
	for i := range x.list {
		q := &x.list[i]
		q.pending = slices.DeleteFunc(q.pending, func(e *entry) bool { return e.phase == gone || e.streamSeq == 0 })
		before := q.highest + 1
		if len(q.pending) > 0 {
			before = q.pending[0].streamSeq
		}
		if before > q.purged+1 {
			list = append(list, purge{q.partition, before})
			q.purged = before - 1
		}
		pinned = append(pinned, q.pinning(maxPinned)...)
	}
	return list, pinned
}

// pinning returns the first entries of the queue as long as each stands far
// before the one behind it.
func (q *partitionQueue) pinning(maxPinned int) (list []*entry) {
	for i, e := range q.pending {
		next := q.highest
		if i+1 < len(q.pending) {
			next = q.pending[i+1].streamSeq
		}
		if next-e.streamSeq < uint64(maxPinned) || e.run != nil || len(list) == 100 {
			return list
		}
		list = append(list, e)
	}
	return list
}

// Purge drops the payloads of ended jobs from JOBS, and moves those that hold
// back many others to the ledger. It is called every few seconds.
func (s *Scheduler) Purge(ctx context.Context) error {
	s.mu.Lock()
	list, pinned := s.partitions.purges(s.cfg.MaxPinned)
	s.mu.Unlock()
	for _, p := range list {
		if err := s.cfg.Payloads.Purge(ctx, p.partition, p.before); err != nil {
			return fmt.Errorf("purge %s before %d: %w", p.partition, p.before, err)
		}
	}
	var errs []error
	for _, e := range pinned { // one that cannot be read holds back no other
		errs = append(errs, s.unpin(ctx, e))
	}
	return errors.Join(errs...)
}

// unpin copies a payload to the ledger, so that JOBS can let it go.
func (s *Scheduler) unpin(ctx context.Context, e *entry) error {
	job, err := s.cfg.Ledger.JobBySeq(e.seq)
	if err != nil {
		return fmt.Errorf("move payload %d to the ledger: %w", e.streamSeq, err)
	}
	env, err := s.fromJOBS(ctx, e.streamSeq, &job)
	if err != nil {
		return fmt.Errorf("move payload %d to the ledger: %w", e.streamSeq, err)
	}
	if err := s.cfg.Ledger.Keep(ctx, e.seq, env.Encode(nil)); err != nil {
		return fmt.Errorf("move payload %d to the ledger: %w", e.streamSeq, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.phase != gone {
		e.streamSeq = 0
	}
	return nil
}
