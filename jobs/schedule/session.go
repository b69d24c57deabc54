package schedule

import (
	"time"

	"dispatcher/internal/safeguard"
)

// Renew says until when no other process can be active: a time of
// [Config.Uptime]. After it nothing is claimed and no write begins, whatever
// else has yet to be noticed: a process that stood still for longer than its
// session wakes up believing that it is active.
func (s *Scheduler) Renew(until time.Duration) {
	s.until.Store(int64(until))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pump()
}

// lapsed reports whether another process may be active by now.
func (s *Scheduler) lapsed() bool {
	return s.cfg.Uptime != nil && !safeguard.Off("session age") && s.cfg.Uptime() >= time.Duration(s.until.Load())
}
