package workers

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// Probes of what is away start at a second and grow to what resumes within 5 s.
const (
	probeFirst  = 500 * time.Millisecond
	probeMost   = 4 * time.Second
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
// back, and lets work go on. There is one probe at a time for each reason.
type Gate struct {
	Holds          Holds
	Probe          map[jobs.Reason]func(context.Context) error
	SecretsChanged func() bool // reads secrets again; nil: never
	Log            *slog.Logger
	Clock          func() time.Time

	mu      sync.Mutex
	ctx     context.Context
	probing map[jobs.Reason]bool
	group   sync.WaitGroup
}

// Run lets the gate probe until ctx ends.
func (g *Gate) Run(ctx context.Context) {
	g.mu.Lock()
	g.ctx, g.probing = ctx, make(map[jobs.Reason]bool)
	g.mu.Unlock()
	<-ctx.Done()
	g.group.Wait()
}

// Hold stops work because of err, a [jobs.HoldError].
func (g *Gate) Hold(err error) {
	reason, ok := ciso.IsHold(err)
	if !ok {
		return
	}
	if g.Holds.SetHold(jobs.Hold{Reason: reason, Scope: "all", Message: err.Error()}) {
		g.Log.Warn("work stands still", "reason", reason, "error", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ctx == nil || g.probing[reason] || g.ctx.Err() != nil {
		return
	}
	g.probing[reason] = true
	g.group.Go(func() { g.probe(g.ctx, reason) })
}

// probe asks until the party is back.
func (g *Gate) probe(ctx context.Context, reason jobs.Reason) {
	defer func() {
		g.mu.Lock()
		delete(g.probing, reason)
		g.mu.Unlock()
	}()
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = probeFirst, probeMost
	reminded := g.Clock()
	for {
		if !g.waitFor(ctx, reason, wait) {
			return
		}
		err := g.Probe[reason](ctx)
		if err == nil {
			g.Holds.ClearHold(reason, "all")
			g.Log.Info("work goes on", "reason", reason)
			return
		}
		if other, _ := ciso.IsHold(err); other != reason && other != "" && other != jobs.HoldS3Down {
			g.Holds.ClearHold(reason, "all")
			go g.Hold(err) // the trouble has another name now
			return
		}
		g.Holds.SetHold(jobs.Hold{Reason: reason, Scope: "all", Message: err.Error()})
		if now := g.Clock(); now.Sub(reminded) >= remindEvery {
			reminded = now
			g.Log.Warn("work still stands still", "reason", reason, "error", err)
		}
	}
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
