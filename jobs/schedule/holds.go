package schedule

import (
	"cmp"
	"slices"
	"strings"

	"dispatcher/jobs"
)

// Scopes of a hold.
const (
	ScopeAll = "all"
	scopeOf  = "type:"
	scopeBy  = "worker:"
)

// WorkerScope is the scope of a hold that concerns one worker.
func WorkerScope(worker string) string { return scopeBy + worker }

// TypeScope is the scope of a hold that concerns one message type.
func TypeScope(messageType string) string { return scopeOf + messageType }

type holdKey struct {
	reason jobs.Reason
	scope  string
}

type holds struct {
	set     map[holdKey]jobs.Hold
	workers map[string]bool // that are at work, or would be; none: not known
}

func newHolds() holds { return holds{set: make(map[holdKey]jobs.Hold), workers: make(map[string]bool)} }

// stopsJobs tells holds that stop claims from those that stop something else:
// a full store stops ingest, and S3 only the jobs that turn out to need it,
// which are parked when their worker says so.
func stopsJobs(reason jobs.Reason) bool {
	return reason != jobs.HoldStoreFull && reason != jobs.HoldS3Down
}

// pass reports whether worker may be given jobs of a type.
func (h *holds) pass(messageType, worker string) bool {
	for key := range h.set {
		if key.scope == scopeBy+worker && key.reason == jobs.HoldS3Down && messageType == jobs.TypeUploadAttachment {
			return false // another worker may reach S3: it is not parked
		}
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
	for _, hold := range h.blocking() {
		if stopsJobs(hold.Reason) && (!strings.HasPrefix(hold.Scope, scopeOf) || hold.Scope == scopeOf+messageType) {
			return hold.Reason
		}
	}
	return ""
}

// blocking returns the holds without those of single workers, unless no worker
// is left without one.
func (h *holds) blocking() []jobs.Hold {
	held := make(map[string]bool)
	for key := range h.set {
		if worker, ok := strings.CutPrefix(key.scope, scopeBy); ok && stopsJobs(key.reason) {
			held[worker] = true
		}
	}
	for worker := range h.workers {
		if !held[worker] {
			return slices.DeleteFunc(h.list(), func(hold jobs.Hold) bool { return strings.HasPrefix(hold.Scope, scopeBy) })
		}
	}
	return h.list()
}

// forAll reports whether there is a hold that concerns every worker.
func (h *holds) forAll(reason jobs.Reason) bool {
	_, held := h.set[holdKey{reason, ScopeAll}]
	return held
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
	if !s.holds.forAll(reason) {
		s.unpark(reason)
	}
	s.pump()
	return was
}

// Joined notes that a worker is there, and Left that it is not any more: work
// stands still when all of them do.
func (s *Scheduler) Joined(worker string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds.workers[worker] = true
}

// Left is the opposite of Joined.
func (s *Scheduler) Left(worker string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.holds.workers, worker)
}

// Blocking returns what stands still, without what only some workers are kept from.
func (s *Scheduler) Blocking() []jobs.Hold {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holds.blocking()
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
