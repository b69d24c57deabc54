package workers

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// Probes of what is away start at half a second and grow to what resumes within
// 5 s: most and its spread.
const (
	probeFirst  = 500 * time.Millisecond
	probeMost   = 3500 * time.Millisecond
	probeSpread = 0.3
	probeAuth   = 5 * time.Minute  // a refused login is not repeated sooner
	probeSecret = 10 * time.Second // but secrets are looked at this often
	remindEvery = time.Minute
)

// Holds is where standing still is noted.
type Holds interface {
	SetHold(h jobs.Hold) (isNew bool)
	ClearHold(reason jobs.Reason, scope string) (was bool)
}

// Gate holds work while an outside party is away, asks it gently whether it is
// back, and lets work go on. There is one probe at a time for each reason, and
// a hold that is set is always probed: both change under one lock.
type Gate struct {
	Holds          Holds
	Scope          string // of its holds; "": all
	Probe          map[jobs.Reason]func(context.Context) error
	SecretsChanged func() bool // reads secrets again; nil: never
	Log            *slog.Logger
	Clock          func() time.Time

	mu      sync.Mutex
	ctx     context.Context // of Run
	probing map[jobs.Reason]bool
	group   sync.WaitGroup
}

// Run lets the gate probe until ctx ends.
func (g *Gate) Run(ctx context.Context) {
	g.mu.Lock()
	g.ctx = ctx
	for reason := range g.probing { // held before
		g.group.Go(func() { g.probe(ctx, reason) })
	}
	g.mu.Unlock()
	<-ctx.Done()
	g.mu.Lock() // whoever saw ctx alive has begun its probe
	//lint:ignore SA2001 passing the lock is the point
	g.mu.Unlock()
	g.group.Wait()
}

// Hold stops work because of err, a [jobs.HoldError]. It reports whether it
// could: nobody may wait for what is never asked again.
func (g *Gate) Hold(err error) bool {
	reason, ok := ciso.IsHold(err)
	if !ok || g.Probe[reason] == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hold(reason, err)
	return true
}

func (g *Gate) scope() string { return cmp.Or(g.Scope, "all") }

// hold sets a hold and sees to its probe. The lock is held.
func (g *Gate) hold(reason jobs.Reason, err error) {
	if g.Holds.SetHold(jobs.Hold{Reason: reason, Scope: g.scope(), Message: worded(reason, err)}) {
		g.Log.Warn("work stands still", "reason", reason, "error", worded(reason, err))
	}
	if g.probing[reason] {
		return
	}
	if g.probing == nil {
		g.probing = make(map[jobs.Reason]bool)
	}
	g.probing[reason] = true
	if ctx := g.ctx; ctx != nil && ctx.Err() == nil {
		g.group.Go(func() { g.probe(ctx, reason) })
	}
}

// worded is an error without the reason that stands before it.
func worded(reason jobs.Reason, err error) string {
	return strings.TrimPrefix(err.Error(), string(reason)+": ")
}

// probe asks until the party is back.
func (g *Gate) probe(ctx context.Context, reason jobs.Reason) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval, wait.RandomizationFactor = probeFirst, probeMost, probeSpread
	reminded := g.Clock()
	for g.waitFor(ctx, reason, wait) {
		err := g.Probe[reason](ctx)
		if ctx.Err() != nil || g.lift(reason, err) {
			return
		}
		if now := g.Clock(); now.Sub(reminded) >= remindEvery {
			reminded = now
			g.Log.Warn("work still stands still", "reason", reason, "error", worded(reason, err))
		}
	}
}

// lift ends a hold if its probe went well, or found that the trouble has
// another name now.
func (g *Gate) lift(reason jobs.Reason, err error) (lifted bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	other, _ := ciso.IsHold(err)
	switch {
	case err == nil:
		g.Log.Info("work goes on", "reason", reason)
	case other != "" && other != reason && g.Probe[other] != nil:
		g.hold(other, err)
	default:
		g.Holds.SetHold(jobs.Hold{Reason: reason, Scope: g.scope(), Message: worded(reason, err)})
		return false
	}
	delete(g.probing, reason)
	g.Holds.ClearHold(reason, g.scope())
	return true
}

// waitFor waits until the next probe is due; false when ctx has ended. A wrong
// login is not repeated before its time, unless a secret changed.
func (g *Gate) waitFor(ctx context.Context, reason jobs.Reason, wait backoff.BackOff) bool {
	if reason != jobs.HoldAuth {
		return sleep(ctx, wait.NextBackOff())
	}
	for until := g.Clock().Add(probeAuth); g.Clock().Before(until); {
		if !sleep(ctx, probeSecret) {
			return false
		}
		if g.SecretsChanged != nil && g.SecretsChanged() {
			return true
		}
	}
	return true
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
