package schedule

// Unmanned reports whether the process is active without any worker, and whether
// a job is ready that only a worker is missing for.
func (s *Scheduler) Unmanned() (unmanned, missed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.unmanned() {
		return false, false
	}
	for kind := range s.ready.byKind {
		q := &s.ready.byKind[kind]
		dropGone(q)
		missed = missed || q.n > 0 && s.holds.reasonFor(kinds[kind]) == ""
	}
	dropGone(&s.ready.alone)
	e := s.ready.alone.peek()
	return true, missed || e != nil && s.holds.reasonFor(kinds[e.kind]) == ""
}

// unmanned is the first half of [Scheduler.Unmanned]. The lock is held.
func (s *Scheduler) unmanned() bool {
	return s.active && len(s.holds.workers) == 0 && len(s.claimers) == 0
}
