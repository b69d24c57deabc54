package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// Workflow carries out a job of one type.
type Workflow func(ctx context.Context, r *Run) error

// PoolConfig is what a pool needs.
type PoolConfig struct {
	Claims      Claims
	Workflows   Workflows
	Gate        *Gate
	Name        string // host/pid, shown as the job's worker
	Concurrency int    // attempts at a time, 8
	Away        bool   // claims are asked over a network
	Grace       time.Duration
	Clock       func() time.Time
	Log         *slog.Logger
	Steps       Steps  // nil: nobody wants to know
	Tracer      Tracer // nil: nothing is traced
}

// Validate reports what cannot work.
func (c *PoolConfig) Validate() error {
	if c.Claims == nil || c.Gate == nil || len(c.Workflows) == 0 || c.Concurrency < 1 {
		return fmt.Errorf("workers: claims, a gate, workflows and a concurrency of at least 1 are needed")
	}
	return nil
}

// Pool runs attempts.
type Pool struct {
	cfg     PoolConfig
	slots   slot // one place per attempt in flight
	ahead   slot // one place per claim that has none of those yet
	retries reminder
}

// NewPool returns a pool that does not run yet.
func NewPool(cfg PoolConfig) (*Pool, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Pool{
		cfg: cfg, slots: make(slot, cfg.Concurrency), ahead: make(slot, 1+cfg.Concurrency/8), retries: reminder{clock: cfg.Clock},
	}, nil
}

// reportGrace is how long outcomes may still be reported when attempts are
// being cancelled.
const reportGrace = 5 * time.Second

// Run works until ctx ends. Then nothing new is begun, running attempts may end
// within the grace, and the rest is given back. It returns when every outcome
// is stored.
func (p *Pool) Run(ctx context.Context) {
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	report, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	defer context.AfterFunc(work, func() { time.AfterFunc(reportGrace, giveUp) })()
	var group sync.WaitGroup
	// Twice as many goroutines as slots: while the outcomes of some are being
	// stored, the others keep the API busy.
	for range 2 * p.cfg.Concurrency {
		group.Go(func() { p.loop(ctx, work, report) })
	}
	<-ctx.Done()
	timer := time.AfterFunc(p.cfg.Grace, func() { stop(errShutdown) })
	defer timer.Stop()
	group.Wait()
}

// loop claims and carries out one job after the other.
func (p *Pool) loop(ctx, work, report context.Context) {
	for ctx.Err() == nil {
		claim := p.claim(ctx, report)
		if claim == nil {
			continue
		}
		outcome := p.attempt(work, claim)
		<-p.slots
		p.finish(report, claim, outcome)
	}
}

// claim returns a job with a place to carry it out; nil if there is none now.
func (p *Pool) claim(ctx, report context.Context) *jobs.Claim {
	// On another host a job is asked for before there is a place, but for a few
	// only: a job that waits here could be another worker's.
	first, then := p.slots, slot(nil)
	if p.cfg.Away {
		first, then = p.ahead, p.slots
	}
	if !first.take(ctx) {
		return nil
	}
	claim, err := p.cfg.Claims.Claim(ctx, p.cfg.Name)
	if err != nil {
		<-first
		if ctx.Err() == nil {
			p.unclaimed(ctx, err)
		}
		return nil
	}
	if then == nil {
		return claim
	}
	placed := then.take(ctx)
	<-first
	if !placed {
		now := p.cfg.Clock()
		p.finish(report, claim, jobs.Outcome{Kind: jobs.OutcomeReturned, StartedAt: now, EndedAt: now})
		return nil
	}
	return claim
}

func (p *Pool) unclaimed(ctx context.Context, err error) {
	if now, _ := p.retries.due("claim"); now {
		p.cfg.Log.Error("no job can be claimed, it is tried again", "error", err)
	}
	p.pause(ctx)
}

func (p *Pool) pause(ctx context.Context) {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
}

// finish reports an outcome. One that cannot be stored before the process ends
// is found unfinished at the next start.
func (p *Pool) finish(ctx context.Context, claim *jobs.Claim, o jobs.Outcome) {
	if err := p.cfg.Claims.Finish(ctx, claim.Lease, o); err != nil && !errors.Is(err, jobs.ErrStale) {
		p.cfg.Log.Error("outcome is not stored", "job", claim.ID, "error", err)
	}
}

// attempt carries out one claim.
func (p *Pool) attempt(work context.Context, claim *jobs.Claim) jobs.Outcome {
	valid := validity(claim)
	ctx, cancel := context.WithCancelCause(ciso.WithPermit(ciso.WithJob(work, claim.ID), valid))
	defer cancel(nil)
	if claim.Revoked != nil {
		defer context.AfterFunc(claim.Revoked, func() { cancel(errRevoked) })()
	}
	ended := func(*jobs.Outcome) {}
	if p.cfg.Tracer != nil {
		ctx, ended = p.cfg.Tracer.Attempt(ctx, claim)
	}
	started := p.cfg.Clock()
	run := newRun(claim, p.cfg.Claims, p.cfg.Clock, p.cfg.Log)
	if p.cfg.Away {
		run.slot = p.slots
	}
	run.steps, run.tracer = p.cfg.Steps, p.cfg.Tracer
	err := p.cfg.Workflows.carryOut(ctx, run)
	if valid != nil && !valid() {
		cancel(errRevoked) // what it found out too late is no attempt
	}
	outcome := run.outcome(ctx, err)
	outcome.StartedAt = started
	if outcome.Kind == jobs.OutcomeHeld && !p.cfg.Gate.Hold(err) {
		outcome.Kind, outcome.Failure = jobs.OutcomeRetry, retryFailure(err, 0)
	}
	p.tell(run, outcome, err)
	ended(&outcome)
	return outcome
}

// validity is asked right before each request: it may have waited for its turn
// for as long as others hang, and the process may have been stopped meanwhile.
func validity(claim *jobs.Claim) func() bool {
	if claim.Valid == nil && claim.Lapsed != nil {
		return func() bool { return !claim.Lapsed() }
	}
	return claim.Valid
}

// tell logs attempts that did not end their job. The end of a job is logged
// where it is stored.
func (p *Pool) tell(r *Run, o jobs.Outcome, err error) {
	if err == nil {
		return
	}
	log := r.Log()
	log.Debug("attempt ended", "error", err)
	if o.Kind != jobs.OutcomeRetry {
		return
	}
	if now, since := p.retries.due(fmt.Sprint(r.Job.Type, " ", o.Failure.HTTPStatus)); now {
		log.Warn("attempt failed, the job is tried again", "type", r.Job.Type, "attempt", r.Job.Attempts+1,
			"error", o.Failure.Message, "others_since", since)
	}
}
