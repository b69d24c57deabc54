package schedule

import (
	"context"
	"time"
)

// While jobs end quickly, messages that come are not taken in faster than jobs end
// once memory holds enough of them: each that is taken in beyond has to be read from
// JOBS again, which costs as much as a sixth of all else about it. Kafka keeps the
// others. Work that is slow is known far ahead, since there what is next may not be
// what came next.
const (
	paceAbove = 1000                   // jobs that end per second
	paceMost  = 250 * time.Millisecond // that a batch waits for its turn
)

// pace waits until what comes can stay in memory until it runs, while that pays.
func (s *Scheduler) pace(ctx context.Context) error {
	s.mu.Lock()
	fits := s.fits
	if s.mayKeep() || s.rates.perSecond(s.cfg.Clock(), 2*time.Second) < paceAbove {
		s.mu.Unlock()
		return nil
	}
	s.pacing = true
	s.mu.Unlock()
	most := time.NewTimer(paceMost)
	defer most.Stop()
	select {
	case <-fits:
		return nil
	case <-most.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mayKeep reports whether the next batches can be kept in memory: some are on the
// way already.
func (s *Scheduler) mayKeep() bool { return s.cold == 0 && s.cached <= s.cfg.CacheBytes/2 }

// tellFits lets those go on who wait in pace.
func (s *Scheduler) tellFits() {
	if s.pacing && s.mayKeep() {
		s.pacing = false
		close(s.fits)
		s.fits = make(chan struct{})
	}
}
