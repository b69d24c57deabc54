package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"dispatcher/internal/crashpoint"
	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// Claims is where jobs come from and outcomes go.
type Claims interface {
	Claim(ctx context.Context, worker string) (*jobs.Claim, error)
	Lock(ctx context.Context, lease jobs.Lease, objects []string) error
	Checkpoint(ctx context.Context, lease jobs.Lease, steps []jobs.Step, sync bool) error
	Finish(ctx context.Context, lease jobs.Lease, o jobs.Outcome) error
}

// relay is Claims that take an outcome and answer with the next job, in one
// message; nil if there is none at once.
type relay interface {
	FinishNext(ctx context.Context, lease jobs.Lease, o jobs.Outcome) (*jobs.Claim, error)
}

// Run is one attempt at a job.
type Run struct {
	*jobs.Claim
	Message *jobs.Message

	log    *slog.Logger
	claims Claims
	slot   slot
	steps  Steps  // nil: nobody wants to know
	tracer Tracer // nil: nothing is traced
	clock  func() time.Time

	recorded   map[string]*jobs.Step // of this and earlier attempts
	used       map[string]bool       // names of steps that this attempt has passed
	resolved   []jobs.Step           // what selectors matched, not to be stored before the first write
	pending    []jobs.Step           // done, not yet flushed
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
		Claim: claim, log: log, claims: claims, clock: clock,
		recorded: make(map[string]*jobs.Step), used: make(map[string]bool), flushedAt: clock(), locked: claim.Granted,
	}
	for i := range claim.Steps {
		s := &claim.Steps[i]
		r.recorded[s.Name] = s
		r.writing = r.writing || s.State == jobs.StepDone
	}
	return r
}

// Log returns a logger that names the job.
func (r *Run) Log() *slog.Logger { return r.log.With("job", r.ID) }

// Lock gets the right to write objects, all at once. Call it with every object
// of the job before the first write.
func (r *Run) Lock(ctx context.Context, objects []string) error {
	if objects = sorted(objects); covers(r.locked, objects) {
		objects = r.locked // granted: say so again, for the slot file
	}
	err := r.slot.lent(func() error { return r.claims.Lock(ctx, r.Lease, objects) })
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
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// BeginWrites says that the first write comes now: what was resolved is part of
// the record from here on. With pin it is synced before.
func (r *Run) BeginWrites(ctx context.Context, pin bool) error {
	if !r.writing {
		r.flushedAt = r.clock()
	}
	r.writing = true
	for _, s := range r.resolved {
		r.recorded[s.Name] = &s
	}
	if r.pending == nil {
		r.pending = r.resolved
	} else {
		r.pending = append(r.pending, r.resolved...)
	}
	fresh := len(r.resolved) > 0
	r.resolved = nil
	if pin && fresh {
		return r.flush(ctx, true)
	}
	return nil
}

// Write runs fn, which writes the objects of locks, and notes when it got no
// answer. When another process may be active it is not run.
func (r *Run) Write(locks []string, fn func() error) error {
	if r.Lapsed != nil && r.Lapsed() {
		return jobs.ErrLapsed
	}
	err := fn()
	crashpoint.Here("effect")
	r.unanswered = slices.DeleteFunc(r.unanswered, func(name string) bool { return slices.Contains(locks, name) })
	if err == nil {
		return nil
	}
	var lost *ciso.UnansweredError
	if errors.As(err, &lost) {
		r.unanswered = append(r.unanswered, locks...)
	}
	return err
}

// Wrote notes an id that the job has written: it is listed with the job.
func (r *Run) Wrote(id string) {
	if id != "" && !slices.Contains(r.objects, id) {
		r.objects = append(r.objects, id)
	}
}
