package schedule

import (
	"cmp"
	"slices"

	"dispatcher/jobs"
)

// Scopes of a hold.
const (
	ScopeAll = "all"
	scopeOf  = "type:"
	scopeBy  = "worker:"
)

// TypeScope is the scope of a hold that concerns one message type.
func TypeScope(messageType string) string { return scopeOf + messageType }

type holdKey struct {
	reason jobs.Reason
	scope  string
}

type holds struct{ set map[holdKey]jobs.Hold }

func newHolds() holds { return holds{set: make(map[holdKey]jobs.Hold)} }

// stopsJobs tells holds that stop claims from those that stop something else:
// a full store stops ingest, and S3 only the jobs that turn out to need it,
// which are parked when their worker says so.
func stopsJobs(reason jobs.Reason) bool {
	return reason != jobs.HoldStoreFull && reason != jobs.HoldS3Down
}

// pass reports whether worker may be given jobs of a type.
func (h *holds) pass(messageType, worker string) bool {
	for key := range h.set {
		if !stopsJobs(key.reason) {
			continue
		}
		if key.scope == ScopeAll || key.scope == scopeOf+messageType || key.scope == scopeBy+worker {
			return false
		}
	}
	return true
}

// reasonFor returns why a ready job of a type is not given out, "" if it may be.
func (h *holds) reasonFor(messageType string) jobs.Reason {
	for _, hold := range h.list() {
		if stopsJobs(hold.Reason) && (hold.Scope == ScopeAll || hold.Scope == scopeOf+messageType) {
			return hold.Reason
		}
	}
	return ""
}

func (h *holds) has(reason jobs.Reason) bool {
	for key := range h.set {
		if key.reason == reason {
			return true
		}
	}
	return false
}

func (h *holds) list() []jobs.Hold {
	all := make([]jobs.Hold, 0, len(h.set))
	for _, hold := range h.set {
		all = append(all, hold)
	}
	slices.SortFunc(all, func(a, b jobs.Hold) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Scope, b.Scope))
	})
	return all
}

// SetHold stops work of the hold's scope until [Scheduler.ClearHold]. Setting
// it again changes the message and keeps the time; it reports whether it is new.
func (s *Scheduler) SetHold(hold jobs.Hold) (isNew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := holdKey{hold.Reason, hold.Scope}
	former, known := s.holds.set[key]
	switch {
	case known:
		hold.Since = former.Since
	case hold.Since.IsZero():
		hold.Since = s.cfg.Clock()
	}
	s.holds.set[key] = hold
	return !known
}

// ClearHold lets work of that scope go on.
func (s *Scheduler) ClearHold(reason jobs.Reason, scope string) (was bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := holdKey{reason, scope}
	_, was = s.holds.set[key]
	delete(s.holds.set, key)
	if !s.holds.has(reason) {
		s.unpark(reason)
	}
	s.pump()
	return was
}

// Holds returns what stands still and why, oldest first.
func (s *Scheduler) Holds() []jobs.Hold {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holds.list()
}

// park keeps a job aside until the hold of its reason is cleared.
func (s *Scheduler) park(e *entry, reason jobs.Reason) {
	e.phase = parked
	s.parked[reason] = append(s.parked[reason], e)
}

func (s *Scheduler) unpark(reason jobs.Reason) {
	for _, e := range s.parked[reason] {
		if e.phase == parked {
			s.requeue(e)
		}
	}
	delete(s.parked, reason)
}
