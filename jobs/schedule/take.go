package schedule

import (
	"context"
	"fmt"

	"dispatcher/internal/crashpoint"
	"dispatcher/jobs"
)

// Take brings new jobs in: into the ledger first (synced), then into their
// lanes. envs are the payloads of in.Jobs, by index; those of the next jobs to
// run are kept in memory.
func (s *Scheduler) Take(ctx context.Context, in jobs.Intake, envs []jobs.Envelope) error {
	results, err := s.cfg.Ledger.Take(ctx, in)
	if err != nil {
		return fmt.Errorf("take %d jobs into the ledger: %w", len(in.Jobs), err)
	}
	crashpoint.Here("taken")
	var failed []*jobs.Job
	s.mu.Lock()
	now := s.cfg.Clock()
	s.arrivals.count(now, len(in.Jobs))
	for i, job := range in.Jobs {
		switch {
		case results[i] == jobs.Duplicate:
		case job.State.Ended():
			failed = append(failed, job)
			s.rates.count(now, 1)
		case results[i] == jobs.Reattached:
			s.reattach(job)
		default:
			e := s.adopt(job, &envs[i])
			s.onChanged(job)
			if e.lane.head == e {
				s.ready.push(e)
			}
		}
	}
	s.partitions.seen(in.Partition, in.StreamSeq)
	s.pump()
	s.mu.Unlock()
	if len(failed) > 0 {
		s.onFailed()
	}
	for _, job := range failed {
		s.tellEnded(job)
	}
	return nil
}

// reattach gives a known job its payload's new place in JOBS.
func (s *Scheduler) reattach(job *jobs.Job) {
	if e := s.bySeq[job.Seq]; e != nil {
		s.partitions.remove(e)
		e.streamSeq = job.StreamSeq
		s.partitions.add(e)
	}
}

// Room returns how many more jobs the read-ahead may take; 0 or less: none.
func (s *Scheduler) Room() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.MaxUnfinished - len(s.bySeq)
}

// WaitRoom returns when the read-ahead has room, see also pace.
func (s *Scheduler) WaitRoom(ctx context.Context) error {
	for {
		s.mu.Lock()
		if len(s.bySeq) < s.cfg.MaxUnfinished {
			s.mu.Unlock()
			return s.pace(ctx)
		}
		if s.room == nil {
			s.room = make(chan struct{})
		}
		changed := s.room
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
