package ingest

import (
	"context"
	"errors"
	"fmt"

	"dispatcher/jobs"
)

// streamKey is where the ledger remembers which JOBS it belongs to.
const streamKey = "jobs-stream"

// ErrStoresDiffer says that ledger and JOBS do not belong together.
var ErrStoresDiffer = errors.New("ledger and JOBS do not belong together")

// StreamIdentity is what recognises JOBS.
type StreamIdentity interface {
	Identity() string
	Created() bool
	Bounds(ctx context.Context) (first, last uint64, bytes uint64, err error)
}

// CheckStores refuses a ledger and a JOBS folder that are not a pair: one of
// them was deleted, or restored from an older copy.
func CheckStores(ctx context.Context, ledger Ledger, stream StreamIdentity) error {
	const remedy = "run --rebuild starts anew from what Kafka holds"
	known := string(ledger.MetaGet(streamKey))
	switch {
	case known == "" && stream.Created():
		return ledger.MetaSet(ctx, streamKey, []byte(stream.Identity()))
	case known == "":
		return fmt.Errorf("%w: the ledger is new, but JOBS holds messages of another one; %s", ErrStoresDiffer, remedy)
	case known != stream.Identity():
		return fmt.Errorf("%w: JOBS was deleted or replaced, and with it the messages of unfinished jobs; %s", ErrStoresDiffer, remedy)
	}
	_, last, _, err := stream.Bounds(ctx)
	if err != nil {
		return err
	}
	for _, p := range ledger.Partitions() {
		if p.StreamSeq > last {
			return fmt.Errorf("%w: JOBS ends at %d, but the ledger has taken %d from it: JOBS is an older copy, or was cut; %s", ErrStoresDiffer, last, p.StreamSeq, remedy)
		}
	}
	return nil
}

// catchUp takes what is in JOBS but not yet in the ledger: the process ended
// between the two.
func (g *Group) catchUp(ctx context.Context) (n int, err error) {
	from := g.known()
	prev, missing := from, from // the last sequence, and the last one that was not seen
	batches := make(map[jobs.Partition]*pendingBatch)
	flush := func(p jobs.Partition) error {
		b := batches[p]
		delete(batches, p)
		if b == nil || len(b.envs) == 0 {
			return nil
		}
		state, _ := g.cfg.Ledger.Partition(p)
		in := makeIntake(g.cfg.Jobs, p, b.envs, b.seqs, state.Cursor, b.envs[len(b.envs)-1].Offset+1)
		n += len(b.envs)
		return g.cfg.Scheduler.Take(ctx, in, b.envs)
	}
	err = g.cfg.Stream.Scan(ctx, from+1, func(seq uint64, e jobs.Envelope) error {
		if seq != prev+1 {
			missing = seq - 1
		}
		prev = seq
		p := jobs.Partition{Topic: e.Topic, ID: e.Partition}
		state, _ := g.cfg.Ledger.Partition(p)
		if seq <= state.StreamSeq || e.Submitted() {
			return nil
		}
		b := batches[p]
		if b == nil {
			b = &pendingBatch{next: state.Cursor, last: state.StreamSeq}
			batches[p] = b
		}
		// Nothing that is not in the ledger was ever purged. What is missing may be
		// another partition's or a submitted message; offsets tell.
		if e.Offset > b.next && missing > b.last {
			return fmt.Errorf("before JOBS %d messages of %s are missing: %w", seq, p, jobs.ErrDamaged)
		}
		b.next, b.last = e.Offset+1, seq
		b.envs, b.seqs = append(b.envs, e), append(b.seqs, seq)
		if b.bytes += len(e.Value); len(b.envs) == jobs.MaxBatchMessages || b.bytes > jobs.MaxBatchBytes {
			return flush(p)
		}
		return nil
	})
	if errors.Is(err, jobs.ErrDamaged) {
		// What is not in the ledger is above its cursor, and comes from Kafka.
		g.cfg.Log.Warn("a part of JOBS is damaged: what was in it is read from Kafka again", "error", err)
		err = nil
	}
	if err != nil {
		return n, fmt.Errorf("catch up from JOBS: %w", err)
	}
	for p := range batches {
		if err := flush(p); err != nil {
			return n, fmt.Errorf("catch up from JOBS: %w", err)
		}
	}
	return n, nil
}

// known returns up to where the ledger has all of Kafka's messages.
func (g *Group) known() (all uint64) {
	first := true
	for _, p := range g.cfg.Ledger.Partitions() {
		if p.Partition == submitted {
			continue
		}
		if first || p.StreamSeq < all {
			all, first = p.StreamSeq, false
		}
	}
	return all
}

type pendingBatch struct {
	next  int64  // offset that is expected
	last  uint64 // sequence of the one before
	envs  []jobs.Envelope
	seqs  []uint64
	bytes int
}
