package schedule

import (
	"context"
	"fmt"

	"dispatcher/jobs"
)

// Activate lets workers have jobs: this process is the active one of its group.
// With a [Config.Uptime] they have none before the first [Scheduler.Renew].
func (s *Scheduler) Activate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active {
		return
	}
	s.active = true
	s.until.Store(0) // of a former session
	s.revoked, s.revoke = context.WithCancel(context.Background())
	s.pump()
}

// Deactivate gives out no more jobs. Those that run go on until they end, see
// [Scheduler.Drained], or until [Scheduler.Revoke].
func (s *Scheduler) Deactivate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = false
}

// Revoke tells all running jobs to stop at once and give back what they have.
func (s *Scheduler) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoke()
}

// Active reports whether jobs are given out.
func (s *Scheduler) Active() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active
}

// Drained returns when no job is in hand.
func (s *Scheduler) Drained(ctx context.Context) error {
	for {
		s.mu.Lock()
		n, idle := s.inHand, s.idle
		s.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Release ends the unfinished jobs of a partition that another process has
// finished, as the commit of the group proves.
func (s *Scheduler) Release(ctx context.Context, p jobs.Partition, finished func(offset int64) bool) (n int, err error) {
	for _, e := range s.releasable(p, finished) {
		released, err := s.release(ctx, e)
		if err != nil {
			return n, err
		}
		if released {
			n++
		}
	}
	return n, nil
}

func (s *Scheduler) releasable(p jobs.Partition, finished func(offset int64) bool) (list []*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	index := s.partitions.index(p)
	for _, e := range s.bySeq {
		if e.inKafka && e.partition == index && finished(e.offset) {
			list = append(list, e)
		}
	}
	return list
}

// release ends one job. If that cannot be stored it is as it was: the next session
// releases it.
func (s *Scheduler) release(ctx context.Context, e *entry) (done bool, err error) {
	s.mu.Lock()
	was := e.phase
	if was == ending || was == gone || e.run != nil && !e.run.restored() {
		s.mu.Unlock()
		return false, nil
	}
	e.phase = ending // out of the workers' reach
	s.mu.Unlock()
	job, err := s.cfg.Ledger.JobBySeq(e.seq)
	if err == nil {
		job.State, job.FinishedAt = jobs.Released, s.cfg.Clock()
		err = s.cfg.Ledger.End(ctx, jobs.Ending{Job: job})
	}
	s.mu.Lock()
	if err != nil {
		if e.phase = was; e.run == nil {
			freed := s.locks.release(e)
			s.putIn(e)
			s.grantFor(freed, s.cfg.Clock())
		}
		s.mu.Unlock()
		return false, fmt.Errorf("release job %d: %w", e.seq, err)
	}
	freed := s.locks.release(e)
	if e.run != nil {
		s.leaveHand(e)
	}
	s.forget(e, s.cfg.Clock())
	s.grantFor(freed, s.cfg.Clock())
	s.mu.Unlock()
	s.tellEnded(&job)
	return true, nil
}
