package control

import (
	"context"
	"slices"

	"dispatcher/jobs"
	"dispatcher/jobs/schedule"
)

// PauseQuery asks that work stands still, or goes on.
type PauseQuery struct {
	Type string `json:"type,omitempty"` // of messages; empty: all work
	Signed
}

// Paused tells what is paused now.
type Paused struct {
	Changed bool        `json:"changed"`
	Holds   []jobs.Hold `json:"holds"`
}

// Pause stops work, durably, until [Desk.Resume]. What runs may end.
func (d *Desk) Pause(ctx context.Context, q PauseQuery) (Paused, error) {
	scope := schedule.ScopeAll
	if q.Type != "" {
		scope = schedule.TypeScope(q.Type)
	}
	message := "by " + q.Operator
	if q.Reason != "" {
		message += ": " + q.Reason
	}
	isNew, err := d.Scheduler.Pause(ctx, scope, message+"; dispatcher jobs resume ends it")
	return Paused{Changed: isNew, Holds: d.paused()}, err
}

// Resume ends pauses: that of a type, or all.
func (d *Desk) Resume(ctx context.Context, q PauseQuery) (Paused, error) {
	scope := ""
	if q.Type != "" {
		scope = schedule.TypeScope(q.Type)
	}
	ended, err := d.Scheduler.Resume(ctx, scope)
	return Paused{Changed: len(ended) > 0, Holds: d.paused()}, err
}

func (d *Desk) paused() []jobs.Hold {
	return slices.DeleteFunc(d.Scheduler.Snapshot().Holds, func(h jobs.Hold) bool { return h.Reason != jobs.HoldPaused })
}
