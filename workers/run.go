package workers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"dispatcher/internal/crashpoint"
	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// Steps that are idempotent are flushed, unsynced, when this many wait or this
// much time has passed: a crash repeats at most so much.
const (
	flushSteps = 16
	flushEvery = 100 * time.Millisecond
)

// Claims is where jobs come from and outcomes go.
type Claims interface {
	Claim(ctx context.Context, worker string) (*jobs.Claim, error)
	Lock(ctx context.Context, lease jobs.Lease, objects []string) error
	Checkpoint(ctx context.Context, lease jobs.Lease, steps []jobs.Step, sync bool) error
	Finish(ctx context.Context, lease jobs.Lease, o jobs.Outcome) error
}

// Run is one attempt at a job.
type Run struct {
	*jobs.Claim
	Message *jobs.Message
	Log     *slog.Logger

	claims Claims
	clock  func() time.Time

	recorded   map[string]jobs.Step // of this and earlier attempts
	resolved   []jobs.Step          // what selectors matched, not to be stored before the first write
	pending    []jobs.Step          // done, not yet flushed
	flushedAt  time.Time
	locked     []string // objects whose locks are held
	wanted     []string // objects that could not be had
	writing    bool     // a write has begun
	objects    []string // ids written
	unanswered []string // locks of objects whose last write got no answer
	note       string
}

func newRun(claim *jobs.Claim, claims Claims, clock func() time.Time, log *slog.Logger) *Run {
	r := &Run{
		Claim: claim, Log: log.With("job", claim.ID), claims: claims, clock: clock,
		recorded: make(map[string]jobs.Step), flushedAt: clock(), locked: claim.Granted,
	}
	for _, s := range claim.Steps {
		r.recorded[s.Name] = s
		r.writing = r.writing || s.State == jobs.StepDone
	}
	return r
}

// Do carries out a step that is idempotent or only reads, and records its
// result; when it is recorded already the result comes from the record. Its
// record rides with a later commit.
func Do[T any](ctx context.Context, r *Run, name string, fn func(context.Context) (T, error)) (result T, err error) {
	if s, ok := r.recorded[name]; ok && s.State == jobs.StepDone {
		return result, decode(s, &result)
	}
	started := r.clock()
	if result, err = fn(ctx); err != nil {
		return result, err
	}
	step, err := encode(name, started, r.clock(), result)
	if err != nil {
		return result, err
	}
	r.recorded[name] = step
	r.pending = append(r.pending, step)
	return result, r.flush(ctx, false)
}

// Resolve is Do for what a selector means. The result is stored only once a
// write has begun: before that the next attempt looks again.
func Resolve[T any](ctx context.Context, r *Run, name string, fn func(context.Context) (T, error)) (result T, err error) {
	if s, ok := r.recorded[name]; ok && s.State == jobs.StepDone {
		return result, decode(s, &result)
	}
	started := r.clock()
	if result, err = fn(ctx); err != nil {
		return result, err
	}
	step, err := encode(name, started, r.clock(), result)
	if err != nil {
		return result, err
	}
	r.resolved = append(slices.DeleteFunc(r.resolved, func(s jobs.Step) bool { return s.Name == name }), step)
	return result, nil
}

// DoOnce carries out a step that creates something. Its intent is synced
// before; when an earlier attempt left an intent without a result, look tells
// whether the effect is there.
func DoOnce[T any](ctx context.Context, r *Run, name string, look func(context.Context) (T, bool, error), fn func(context.Context) (T, error)) (result T, err error) {
	s, known := r.recorded[name]
	if known && s.State == jobs.StepDone {
		return result, decode(s, &result)
	}
	started := r.clock()
	found := false
	if known {
		if result, found, err = look(ctx); err != nil {
			return result, err
		}
	}
	if !found {
		intent := jobs.Step{Name: name, State: jobs.StepIntent, StartedAt: started}
		r.recorded[name] = intent
		r.pending = append(r.pending, intent)
		if err := r.flush(ctx, true); err != nil {
			return result, err
		}
		if result, err = fn(ctx); err != nil {
			return result, err
		}
	}
	step, err := encode(name, started, r.clock(), result)
	if err != nil {
		return result, err
	}
	r.recorded[name] = step
	r.pending = append(r.pending, step)
	return result, r.flush(ctx, false)
}

// Lock gets the right to write objects, all at once. Call it with every object
// of the job before the first write.
func (r *Run) Lock(ctx context.Context, objects []string) error {
	if objects = sorted(objects); covers(r.locked, objects) {
		objects = r.locked // granted: say so again, for the slot file
	}
	err := r.claims.Lock(ctx, r.Lease, objects)
	if errors.Is(err, jobs.ErrLocked) {
		r.wanted = objects
		return err
	}
	if err != nil {
		return fmt.Errorf("lock %d objects: %w", len(objects), err)
	}
	r.locked = objects
	return nil
}

func covers(held, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(o string) bool { return !slices.Contains(held, o) })
}

func sorted(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// BeginWrites says that the first write comes now: what was resolved is part of
// the record from here on. With pin it is synced before.
func (r *Run) BeginWrites(ctx context.Context, pin bool) error {
	r.writing = true
	for _, s := range r.resolved {
		r.recorded[s.Name] = s
	}
	r.pending = append(r.pending, r.resolved...)
	fresh := len(r.resolved) > 0
	r.resolved = nil
	if pin && fresh {
		return r.flush(ctx, true)
	}
	return nil
}

// Write runs fn, which writes the object of a lock, and notes when it got no
// answer. id is what `jobs show` lists.
func (r *Run) Write(lock, id string, fn func() error) error {
	err := fn()
	crashpoint.Here("effect")
	var lost *ciso.UnansweredError
	if errors.As(err, &lost) {
		r.unanswered = append(r.unanswered, lock)
	} else {
		r.unanswered = slices.DeleteFunc(r.unanswered, func(name string) bool { return name == lock })
	}
	if err == nil && id != "" && !slices.Contains(r.objects, id) {
		r.objects = append(r.objects, id)
	}
	return err
}

// flush passes pending steps on: at once with sync, else when it is time.
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
	raw, err := json.Marshal(result)
	if err != nil {
		return jobs.Step{}, fmt.Errorf("record step %s: %w", name, err)
	}
	if string(raw) == "null" || string(raw) == "{}" {
		raw = nil
	}
	return jobs.Step{Name: name, State: jobs.StepDone, StartedAt: started, FinishedAt: finished, Result: raw}, nil
}

func decode(s jobs.Step, into any) error {
	if len(s.Result) == 0 {
		return nil
	}
	if err := json.Unmarshal(s.Result, into); err != nil {
		return fmt.Errorf("read recorded step %s: %w", s.Name, err)
	}
	return nil
}
