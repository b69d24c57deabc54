package workers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"dispatcher/internal/safeguard"
	"dispatcher/jobs"
)

// Steps that are idempotent are flushed, unsynced, when this many wait or this
// much time has passed: a crash repeats at most so much.
const (
	flushSteps = 16
	flushEvery = 100 * time.Millisecond
)

// Do carries out a step that is idempotent or only reads, and records its
// result; when it is recorded already the result comes from the record. Its
// record rides with a later commit. A step's name is its own within the job.
func Do[T any](ctx context.Context, r *Run, name string, fn func(context.Context) (T, error)) (result T, err error) {
	s, known, err := r.pass(name)
	if err != nil || known && s.State == jobs.StepDone {
		return result, decode(s, &result, err)
	}
	if err := r.flush(ctx, false); err != nil {
		return result, err
	}
	started := r.clock()
	if result, err = traced(ctx, r, name, fn); err != nil {
		return result, err
	}
	return result, r.done(name, started, result)
}

// Resolve is Do for what a selector means. The result is stored only once a
// write has begun: before that the next attempt looks again.
func Resolve[T any](ctx context.Context, r *Run, name string, fn func(context.Context) (T, error)) (result T, err error) {
	s, known, err := r.pass(name)
	if err != nil || known && s.State == jobs.StepDone {
		return result, decode(s, &result, err)
	}
	started := r.clock()
	if result, err = traced(ctx, r, name, fn); err != nil {
		return result, err
	}
	step, err := r.finished(name, started, result)
	if err != nil {
		return result, err
	}
	if r.resolved == nil {
		r.resolved = make([]jobs.Step, 0, 2) // the steps of most jobs
	}
	r.resolved = append(r.resolved, step)
	return result, nil
}

// DoOnce carries out a step that creates something. Its intent is synced
// before; when an earlier attempt left an intent without a result, look tells
// whether the effect is there. As long as it may still come it is not made again.
func DoOnce[T any](ctx context.Context, r *Run, name string, look func(context.Context) (T, bool, error), fn func(context.Context) (T, error)) (result T, err error) {
	s, known, err := r.pass(name)
	if err != nil || known && s.State == jobs.StepDone {
		return result, decode(s, &result, err)
	}
	started := r.clock()
	if known && !safeguard.Off("look before create") {
		found := false
		result, err = traced(ctx, r, name, func(ctx context.Context) (T, error) {
			result, there, err := look(ctx)
			found = there
			return result, err
		})
		if err != nil {
			return result, err
		}
		if found {
			return result, r.done(name, started, result)
		}
		if r.clock().Before(r.LandsBy) {
			return result, errMayLand
		}
	}
	intent := jobs.Step{Name: name, State: jobs.StepIntent, StartedAt: started}
	r.recorded[name] = &intent
	r.pending = append(r.pending, intent)
	if err := r.flush(ctx, true); err != nil {
		return result, err
	}
	if result, err = traced(ctx, r, name, fn); err != nil {
		return result, err
	}
	return result, r.done(name, started, result)
}

// pass returns what is recorded of a step that the workflow comes to, unless the
// job is canceled before it. Two steps of one name would share a record: that is refused, it cannot be meant.
func (r *Run) pass(name string) (s jobs.Step, known bool, err error) {
	if r.used[name] {
		return s, false, fmt.Errorf("step %q comes twice in %s: this is a bug of the dispatcher, please report it", name, r.Message.Type)
	}
	if r.Canceled != nil && r.Canceled() {
		return s, false, jobs.ErrCanceled
	}
	r.used[name] = true
	recorded, known := r.recorded[name]
	if known {
		s = *recorded
	}
	return s, known, nil
}

// again lets the workflow begin anew within this attempt, without what was
// recorded of some steps.
func (r *Run) again(forget ...string) {
	clear(r.used)
	for _, name := range forget {
		delete(r.recorded, name)
	}
	r.resolved = slices.DeleteFunc(r.resolved, func(s jobs.Step) bool { return slices.Contains(forget, s.Name) })
}

// known reports whether anything is recorded of a step, and whether it is done.
func (r *Run) known(name string) (begun, done bool) {
	s, begun := r.recorded[name]
	return begun, begun && s.State == jobs.StepDone
}

// done records a step's result, to be flushed later.
func (r *Run) done(name string, started time.Time, result any) error {
	step, err := r.finished(name, started, result)
	if err != nil {
		return err
	}
	r.recorded[name] = &step
	r.pending = append(r.pending, step)
	return nil
}

// Tracer makes a trace of an attempt and its steps.
type Tracer interface {
	Attempt(ctx context.Context, claim *jobs.Claim) (within context.Context, end func(*jobs.Outcome))
	Step(ctx context.Context, name string) (within context.Context, end func(error))
}

// traced carries out what a step is made of, within a span of its own.
func traced[T any](ctx context.Context, r *Run, name string, fn func(context.Context) (T, error)) (T, error) {
	if r.tracer == nil {
		return fn(ctx)
	}
	within, end := r.tracer.Step(ctx, name)
	result, err := fn(within)
	end(err)
	return result, err
}

// Steps is told how long each step took that was done.
type Steps interface {
	Step(messageType, name string, took time.Duration)
}

// finished makes the record of a step that is done now.
func (r *Run) finished(name string, started time.Time, result any) (jobs.Step, error) {
	now := r.clock()
	if r.steps != nil {
		r.steps.Step(r.Message.Type, name, now.Sub(started))
	}
	return encode(name, started, now, result)
}

// flush passes pending steps on: at once with sync, else when it is time. It
// comes before the next step: what ends the job rides with its outcome.
func (r *Run) flush(ctx context.Context, sync bool) error {
	due := len(r.pending) >= flushSteps || r.clock().Sub(r.flushedAt) >= flushEvery
	if len(r.pending) == 0 || !sync && (!due || !r.writing) {
		return nil
	}
	if err := r.claims.Checkpoint(ctx, r.Lease, r.pending, sync); err != nil {
		return fmt.Errorf("record steps: %w", err)
	}
	r.pending, r.flushedAt = nil, r.clock()
	return nil
}

func encode(name string, started, finished time.Time, result any) (jobs.Step, error) {
	step := jobs.Step{Name: name, State: jobs.StepDone, StartedAt: started, FinishedAt: finished}
	if result == (struct{}{}) {
		return step, nil
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return jobs.Step{}, fmt.Errorf("record step %s: %w", name, err)
	}
	if string(raw) != "null" && string(raw) != "{}" {
		step.Result = raw
	}
	return step, nil
}

// decode reads a recorded result, unless err says that there is none.
func decode(s jobs.Step, into any, err error) error {
	if err != nil || len(s.Result) == 0 {
		return err
	}
	if err := json.Unmarshal(s.Result, into); err != nil {
		return fmt.Errorf("read recorded step %s: %w", s.Name, err)
	}
	return nil
}
