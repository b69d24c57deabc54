package schedule

import (
	"context"
	"errors"

	"dispatcher/jobs"
)

// warmBatch is how many messages are read from JOBS at a time: a request for
// each would cost more than the job itself.
const warmBatch = 500

var errEnough = errors.New("enough")

// warm reads the payload of a claimed job, and those behind it in JOBS: they are
// the next to run. What cannot be read is left for the job itself to say.
func (s *Scheduler) warm(ctx context.Context, e *entry, streamSeq uint64) {
	s.warming.Lock()
	defer s.warming.Unlock()
	s.mu.Lock()
	known := e.hot != nil // another worker has read it meanwhile
	s.mu.Unlock()
	if known {
		return
	}
	n := 0
	_ = s.cfg.Payloads.Scan(ctx, streamSeq, func(seq uint64, env jobs.Envelope) error {
		next := s.coldAt(seq, env)
		if n++; next != nil && !s.warmOne(next, env) || n == warmBatch {
			return errEnough
		}
		return nil
	})
}

// coldAt returns the unfinished job whose payload is at seq, if it is not hot.
func (s *Scheduler) coldAt(seq uint64, env jobs.Envelope) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.partitions.at(jobs.Partition{Topic: env.Topic, ID: env.Partition}, seq)
	if e == nil || e.hot != nil || e.phase == gone || e.phase == ending || e.offset != env.Offset {
		return nil
	}
	return e
}

// warmOne reads the record of e; false if there is no more room.
func (s *Scheduler) warmOne(e *entry, env jobs.Envelope) bool {
	job, err := s.cfg.Ledger.JobBySeq(e.seq)
	if err != nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.hot != nil || e.phase == gone || e.phase == ending || e.run != nil && e.run.hot != nil {
		return true
	}
	return s.heat(e, &job, &env)
}
