package schedule

import (
	"context"
	"fmt"
	"slices"

	"dispatcher/jobs"
)

// Pause stops work of a scope until [Scheduler.Resume], restarts or not: it
// returns after the sync. What runs may end. It reports whether it is new.
func (s *Scheduler) Pause(ctx context.Context, scope, message string) (isNew bool, err error) {
	s.pausing.Lock()
	defer s.pausing.Unlock()
	hold := jobs.Hold{Reason: jobs.HoldPaused, Scope: scope, Message: message, Since: s.cfg.Clock().UTC()}
	list := s.Pauses()
	if i := slices.IndexFunc(list, ofScope(scope)); i >= 0 {
		hold.Since = list[i].Since
		list[i] = hold
	} else {
		list = append(list, hold)
	}
	if err := s.cfg.Ledger.SetPauses(ctx, list); err != nil {
		return false, fmt.Errorf("pause %s: %w", scope, err)
	}
	s.cfg.Log.Warn("work is paused", "scope", scope, "why", message)
	return s.SetHold(hold), nil
}

// Resume ends the pause of a scope, or with "" all of them, and returns those
// that it ended.
func (s *Scheduler) Resume(ctx context.Context, scope string) (ended []jobs.Hold, err error) {
	s.pausing.Lock()
	defer s.pausing.Unlock()
	ended = s.Pauses()
	var left []jobs.Hold
	if scope != "" {
		left = slices.DeleteFunc(slices.Clone(ended), ofScope(scope))
		ended = slices.DeleteFunc(ended, func(h jobs.Hold) bool { return h.Scope != scope })
	}
	if len(ended) == 0 {
		return nil, nil
	}
	if err := s.cfg.Ledger.SetPauses(ctx, left); err != nil {
		return nil, fmt.Errorf("resume: %w", err)
	}
	for _, h := range ended {
		s.ClearHold(h.Reason, h.Scope)
		s.cfg.Log.Info("work is not paused any more", "scope", h.Scope)
	}
	return ended, nil
}

func ofScope(scope string) func(jobs.Hold) bool {
	return func(h jobs.Hold) bool { return h.Scope == scope }
}

// Pauses returns the holds that operators have set.
func (s *Scheduler) Pauses() []jobs.Hold {
	return slices.DeleteFunc(s.Holds(), func(h jobs.Hold) bool { return h.Reason != jobs.HoldPaused })
}
