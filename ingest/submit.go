package ingest

import (
	"context"
	"fmt"
	"sync"

	"dispatcher/internal/crashpoint"
	"dispatcher/jobs"
)

// SubmitterConfig is what a submitter needs.
type SubmitterConfig struct {
	Stream    Stream
	Scheduler Taker
	Ledger    Known
	Jobs      jobs.Reader
}

// Taker takes jobs in.
type Taker interface {
	Take(ctx context.Context, in jobs.Intake, envs []jobs.Envelope) error
}

// Known is what the ledger has of the submitted messages, as of a partition.
type Known interface {
	Partition(p jobs.Partition) (jobs.PartitionState, bool)
}

// Submitter makes jobs of messages that do not come from Kafka, on the same way:
// JOBS, then the ledger.
type Submitter struct {
	cfg SubmitterConfig
	mu  sync.Mutex // one batch at a time, in order
}

// NewSubmitter returns a submitter. Let it catch up before anything is submitted.
func NewSubmitter(cfg SubmitterConfig) *Submitter { return &Submitter{cfg: cfg} }

// submitted stands for a partition: Kafka has no topic without a name.
var submitted jobs.Partition

// Submit makes jobs of messages, and returns after the sync. A message whose job
// is known already changes nothing.
func (s *Submitter) Submit(ctx context.Context, envs []jobs.Envelope) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	after, err := s.catchUp(ctx)
	if err != nil {
		return err
	}
	for len(envs) > 0 {
		seqs, err := s.cfg.Stream.Append(ctx, submitted, envs, after)
		crashpoint.Here("submitted")
		if n := len(seqs); n > 0 {
			if err := s.take(ctx, envs[:n], seqs); err != nil {
				return err
			}
			envs, after = envs[n:], seqs[n-1]
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// CatchUp takes what is in JOBS but not yet in the ledger: the process ended
// between the two.
func (s *Submitter) CatchUp(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.catchUp(ctx)
	return err
}

// catchUp returns where the last submitted message is.
func (s *Submitter) catchUp(ctx context.Context) (last uint64, err error) {
	last, _, _, err = s.cfg.Stream.Last(ctx, submitted)
	if err != nil {
		return 0, err
	}
	state, _ := s.cfg.Ledger.Partition(submitted)
	if last <= state.StreamSeq {
		return last, nil
	}
	err = s.cfg.Stream.Scan(ctx, state.StreamSeq+1, func(seq uint64, e jobs.Envelope) error {
		if !e.Submitted() {
			return nil
		}
		return s.take(ctx, []jobs.Envelope{e}, []uint64{seq})
	})
	if err != nil {
		return 0, fmt.Errorf("catch up with submitted messages: %w", err)
	}
	return last, nil
}

func (s *Submitter) take(ctx context.Context, envs []jobs.Envelope, seqs []uint64) error {
	return s.cfg.Scheduler.Take(ctx, makeIntake(s.cfg.Jobs, submitted, envs, seqs, 0, 0), envs)
}
