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
		job, err := s.cfg.Ledger.JobBySeq(e.seq)
		if err != nil {
			return n, fmt.Errorf("read job %d: %w", e.seq, err)
		}
		job.State, job.FinishedAt = jobs.Released, s.cfg.Clock()
		if err := s.cfg.Ledger.End(ctx, jobs.Ending{Job: job}); err != nil {
			return n, fmt.Errorf("release %s: %w", job.ID, err)
		}
		s.mu.Lock()
		freed := s.locks.release(e)
		if e.run != nil {
			s.leaveHand(e)
		}
		s.forget(e, s.cfg.Clock())
		s.grantFor(freed, s.cfg.Clock())
		s.mu.Unlock()
		s.tellEnded(job)
		n++
	}
	return n, nil
}

// releasable takes the jobs in question out of the workers' reach.
func (s *Scheduler) releasable(p jobs.Partition, finished func(offset int64) bool) (list []*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	index := s.partitions.index(p)
	for _, e := range s.bySeq {
		if e.inKafka && e.partition == index && (e.run == nil || e.run.restored()) && e.phase != ending && finished(e.offset) {
			e.phase = ending
			list = append(list, e)
		}
	}
	return list
}
