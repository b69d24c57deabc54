package workers

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// Plan is what carrying out a message would do.
type Plan struct {
	Type    string        `json:"type"`
	Objects []Planned     `json:"objects"`
	Note    string        `json:"note,omitempty"`  // what is worth knowing about a success
	Error   *jobs.Failure `json:"error,omitempty"` // why it would fail
}

// Planned is one object that would be written.
type Planned struct {
	ID      string                 `json:"id,omitempty"` // absent: it would be created
	Name    string                 `json:"name,omitempty"`
	Changes map[string]ciso.Change `json:"changes"`
}

// Classes of a plan's error that are not the message's fault.
const (
	ClassHold      jobs.Class = "hold"      // work would stand still; the code is the reason
	ClassTransient jobs.Class = "transient" // it would be tried again
)

// Planner tells what messages would do. It runs the very workflows of a real
// run, on an API whose writes only take notes.
type Planner struct {
	API           PlanAPI
	Files         Files
	DefaultFolder string
	Policy        jobs.Policy
	Log           *slog.Logger

	account accountCache
}

// Plan plans one record.
func (p *Planner) Plan(ctx context.Context, record jobs.Envelope) Plan {
	record.Bound()
	job := jobs.Reader{Policy: p.Policy, Clock: time.Now}.Job(&record)
	plan := Plan{Type: job.Type, Objects: []Planned{}, Error: job.Failure}
	if job.Failure != nil {
		return plan
	}
	notes := &notes{PlanAPI: p.API, account: &p.account, names: make(map[string]string), folders: make(map[string]string), files: make(map[string]string)}
	r := newRun(&jobs.Claim{Job: *job, Payload: record}, unrecorded{}, time.Now, p.Log)
	err := NewWorkflows(notes, p.Files, p.DefaultFolder).carryOut(ctx, r)
	outcome := r.outcome(ctx, err)
	for _, id := range r.objects { // also those that have everything already
		notes.object(id)
	}
	plan.Objects, plan.Note = append(plan.Objects, notes.planned...), outcome.Note
	plan.Error = planError(outcome, err)
	return plan
}

// planError words how an attempt would end.
func planError(o jobs.Outcome, err error) *jobs.Failure {
	switch o.Kind {
	case jobs.OutcomeSucceeded:
		return nil
	case jobs.OutcomeFailed:
		return o.Failure
	case jobs.OutcomeHeld:
		return &jobs.Failure{Class: ClassHold, Code: jobs.Code(o.Reason), Message: withoutReason(err)}
	}
	failure := jobs.Failure{Code: jobs.CodeRejected, Message: err.Error()}
	if o.Failure != nil {
		failure = *o.Failure
	}
	failure.Class = ClassTransient
	return &failure
}

// withoutReason is what a hold says beside its reason.
func withoutReason(err error) string {
	var hold *jobs.HoldError
	if errors.As(err, &hold) {
		return hold.Err.Error()
	}
	return err.Error()
}

// unrecorded stands for the scheduler: nothing is locked, nothing is kept.
type unrecorded struct{}

func (unrecorded) Claim(context.Context, string) (*jobs.Claim, error)              { return nil, jobs.ErrNoJob }
func (unrecorded) Lock(context.Context, jobs.Lease, []string) error                { return nil }
func (unrecorded) Checkpoint(context.Context, jobs.Lease, []jobs.Step, bool) error { return nil }
func (unrecorded) Finish(context.Context, jobs.Lease, jobs.Outcome) error          { return nil }

// object returns the plan of an object, a new one if it is not planned yet.
func (n *notes) object(id string) *Planned {
	i := slices.IndexFunc(n.planned, func(p Planned) bool { return p.ID == id && id != "" })
	if i < 0 {
		i = len(n.planned)
		n.planned = append(n.planned, Planned{ID: id, Name: n.names[id], Changes: make(map[string]ciso.Change)})
	}
	return &n.planned[i]
}
