package schedule

import (
	"context"
	"time"
)

// purgeEvery is how often JOBS is relieved of what has ended.
const purgeEvery = 2 * time.Second

// Run does the scheduler's upkeep until ctx ends.
func (s *Scheduler) Run(ctx context.Context) {
	tick, leases := time.NewTicker(purgeEvery), time.NewTicker(max(s.cfg.Lease/20, time.Millisecond))
	defer tick.Stop()
	defer leases.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-leases.C:
			s.endLeases(ctx)
			continue
		case <-tick.C:
		}
		if err := s.Purge(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("JOBS is not relieved of ended jobs, it is tried again", "error", err)
		}
		if err := s.endQuarantines(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("ended quarantines are not forgotten, it is tried again", "error", err)
		}
	}
}

// endQuarantines forgets, in memory and in the ledger, those that are over.
func (s *Scheduler) endQuarantines(ctx context.Context) error {
	s.mu.Lock()
	over := s.locks.endQuarantines(s.cfg.Clock())
	s.grantFor(over, s.cfg.Clock())
	s.pump()
	s.mu.Unlock()
	if len(over) == 0 {
		return nil
	}
	return s.cfg.Ledger.SetQuarantine(ctx, nil, over)
}

// Close stops timers and ends the slot file's use. Nothing may run any more.
func (s *Scheduler) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waking.Stop()
	return s.slots.close()
}
