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
	slots   slot  // one place per attempt in flight
	ahead   slot  // one place per claim that has none of those yet
	relay   relay // nil: outcomes and claims are told apart
	next    slot  // one place per claim that is to come with the answer to an outcome
	session session
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
	p := &Pool{cfg: cfg, slots: make(slot, cfg.Concurrency), retries: reminder{clock: cfg.Clock}, session: session{shared: !cfg.Away}}
	if cfg.Away {
		few := 1 + cfg.Concurrency/8
		p.ahead, p.next = make(slot, few), make(slot, few)
		p.relay, _ = cfg.Claims.(relay)
	}
	return p, nil
}

// reportGrace is how long outcomes may still be reported when attempts are
// being cancelled.
const reportGrace = 5 * time.Second

// mostInHand bounds the jobs in hand, those included whose outcome is being stored: the
// slot file marks no more, and what it does not mark is not quarantined after a crash.
const mostInHand = 4096

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
	// More goroutines than slots: while the outcomes of some are being stored, the
	// others keep the API busy. Up to 10 ms of outcomes share a sync: with 64 slots
	// those are more than a hundred jobs that are quick. On another host each may have
	// a job that another worker could carry out.
	loops := 6
	if p.cfg.Away {
		loops = 2
	}
	for range min(loops*p.cfg.Concurrency, mostInHand) {
		group.Go(func() { p.loop(ctx, work, report) })
	}
	<-ctx.Done()
	timer := time.AfterFunc(p.cfg.Grace, func() { stop(errShutdown) })
	defer timer.Stop()
	group.Wait()
}

// loop claims and carries out one job after the other.
func (p *Pool) loop(ctx, work, report context.Context) {
	var claim *jobs.Claim // with its place
	for claim != nil || ctx.Err() == nil {
		if claim == nil {
			claim = p.claim(ctx, report)
			continue
		}
		outcome := p.attempt(work, claim)
		claim.Payload = jobs.Envelope{} // it may be large, and outcomes may wait for the disk
		<-p.slots
		claim = p.ended(ctx, report, claim, outcome)
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
	defer func() { <-first }()
	return p.placed(ctx, report, claim)
}

// placed waits for a place for a job that has none; nil if it was given back
// because the pool ends.
func (p *Pool) placed(ctx, report context.Context, claim *jobs.Claim) *jobs.Claim {
	if ctx.Err() == nil && p.slots.take(ctx) {
		return claim
	}
	now := p.cfg.Clock()
	p.finish(report, claim, jobs.Outcome{Kind: jobs.OutcomeReturned, StartedAt: now, EndedAt: now})
	return nil
}

// ended reports an outcome; away it may come back with the next job.
func (p *Pool) ended(ctx, report context.Context, claim *jobs.Claim, o jobs.Outcome) (next *jobs.Claim) {
	if p.relay == nil || ctx.Err() != nil || !p.next.tryTake() {
		p.finish(report, claim, o)
		return nil
	}
	defer func() { <-p.next }()
	next, err := p.relay.FinishNext(report, claim.Lease, o)
	p.stored(claim, err)
	if next != nil {
		next = p.placed(ctx, report, next)
	}
	return next
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
	p.stored(claim, p.cfg.Claims.Finish(ctx, claim.Lease, o))
}

func (p *Pool) stored(claim *jobs.Claim, err error) {
	if err != nil && !errors.Is(err, jobs.ErrStale) {
		p.cfg.Log.Error("outcome is not stored", "job", claim.ID, "error", err)
	}
}

// attempt carries out one claim.
func (p *Pool) attempt(work context.Context, claim *jobs.Claim) jobs.Outcome {
	valid := validity(claim)
	ctx, release := p.session.begin(work, claim.Revoked)
	defer release()
	ctx = ciso.WithPermit(ciso.WithJob(ctx, claim.ID), valid)
	traced := func(*jobs.Outcome) {}
	if p.cfg.Tracer != nil {
		ctx, traced = p.cfg.Tracer.Attempt(ctx, claim)
	}
	started := p.cfg.Clock()
	run := newRun(claim, p.cfg.Claims, p.cfg.Clock, p.cfg.Log)
	if p.cfg.Away {
		run.slot = p.slots
	}
	run.steps, run.tracer = p.cfg.Steps, p.cfg.Tracer
	err := p.cfg.Workflows.carryOut(ctx, run)
	if err != nil && valid != nil && !valid() {
		ctx = canceled(ctx, errRevoked) // what it found out too late is no attempt
	}
	outcome := run.outcome(ctx, err)
	outcome.StartedAt = started
	if outcome.Kind == jobs.OutcomeHeld && !p.cfg.Gate.Hold(err) {
		outcome.Kind, outcome.Failure = jobs.OutcomeRetry, retryFailure(err, 0)
	}
	p.tell(run, outcome, err)
	traced(&outcome)
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
