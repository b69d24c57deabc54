package schedule

import (
	"context"
	"time"

	"dispatcher/jobs"
)

// While jobs end quickly, messages that come are not taken in faster than jobs end
// once memory holds enough of them: each that is taken in beyond has to be read from
// JOBS again, which costs as much as a sixth of all else about it. Kafka keeps the
// others. Work that is slow, or in which most wait for others, is known far ahead:
// what can run next may not be what came next.
const (
	paceAbove = 1000                      // jobs that end per second
	paceMost  = 250 * time.Millisecond    // that a batch waits for its turn
	paceReady = 2 * jobs.MaxBatchMessages // jobs that could run at once
)

// pace waits until what comes can stay in memory until it runs, while that pays.
func (s *Scheduler) pace(ctx context.Context) error {
	s.mu.Lock()
	if !s.hasEnough() || s.rates.perSecond(s.cfg.Clock(), 2*time.Second) < paceAbove {
		s.mu.Unlock()
		return nil
	}
	if s.wanted == nil {
		s.wanted = make(chan struct{})
	}
	wanted := s.wanted
	s.mu.Unlock()
	most := time.NewTimer(paceMost)
	defer most.Stop()
	select {
	case <-wanted:
		return nil
	case <-most.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hasEnough reports whether there is work for a while, and no place in memory for
// the next batches, of which some are on the way.
func (s *Scheduler) hasEnough() bool {
	if s.cold == 0 && s.cached <= s.cfg.CacheBytes/2 {
		return false
	}
	n := 0
	for kind := range s.ready.byKind {
		if s.holds.pass(kinds[kind], "") {
			n += s.ready.byKind[kind].n
		}
	}
	return n >= paceReady
}

// tellWanted lets those go on who wait in pace, if they should.
func (s *Scheduler) tellWanted() {
	if s.wanted != nil && !s.hasEnough() {
		close(s.wanted)
		s.wanted = nil
	}
}
