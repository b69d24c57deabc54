package ciso

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"dispatcher/jobs"
)

// probeFresh is how long a bad answer of the probe counts for all.
const probeFresh = time.Second

// prober lets one probe at a time answer for everybody who asked before it
// began. A good answer of before somebody's request failed tells nothing about
// that failure, so it is not shared with him.
type prober struct {
	mu      sync.Mutex
	started int // probes begun
	running *flight
	at      time.Time // when the last one ended
	err     error
}

// flight is one probe.
type flight struct {
	n    int
	done chan struct{}
	err  error // valid after done
}

// Probe asks the API whether it is there and accepts the token: build/ is cheap
// and authenticated. It returns nil or a [jobs.HoldError].
func (c *Client) Probe(ctx context.Context) error {
	p := &c.prober
	p.mu.Lock()
	if p.err != nil && c.cfg.Clock().Sub(p.at) < probeFresh {
		defer p.mu.Unlock()
		return p.err
	}
	p.mu.Unlock()
	return c.ProbeNow(ctx)
}

// ProbeNow is Probe without the answer of a moment ago.
func (c *Client) ProbeNow(ctx context.Context) error {
	p := &c.prober
	p.mu.Lock()
	need := p.started + 1
	for {
		f := p.running
		if f == nil {
			p.started++
			f = &flight{n: p.started, done: make(chan struct{})}
			p.running = f
			go c.fly(context.WithValue(context.WithoutCancel(ctx), jobKey{}, ""), f)
		}
		p.mu.Unlock()
		select {
		case <-f.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if f.n >= need {
			return f.err
		}
		p.mu.Lock()
	}
}

// fly carries out one probe, for whoever waits; it is bounded by the timeouts
// of its requests.
func (c *Client) fly(ctx context.Context, f *flight) {
	f.err = c.probe(ctx)
	c.prober.mu.Lock()
	c.prober.running, c.prober.err, c.prober.at = nil, f.err, c.cfg.Clock()
	c.prober.mu.Unlock()
	close(f.done)
}

func (c *Client) probe(ctx context.Context) error {
	if err := c.ensureBase(ctx); err != nil {
		return err
	}
	if err := c.probeBuild(ctx); err != nil {
		return err
	}
	for _, b := range []*breaker{&c.readBreaker, &c.writeBreaker} {
		if err := b.open(c.cfg.Clock()); err != nil {
			return err
		}
	}
	return c.rightsBack(ctx)
}

// probeBuild reads build/ with the token, and once more with a new one if the
// session was renewed by it.
func (c *Client) probeBuild(ctx context.Context) error {
	r := &request{method: http.MethodGet, path: "/build/"}
	for try := 0; ; try++ {
		token, err := c.session.token(ctx)
		if err != nil {
			return err
		}
		a, err := c.roundTrip(ctx, r, token)
		if err != nil {
			return jobs.Holding(jobs.HoldAPIDown, hint(fmt.Errorf("CISO Assistant does not answer: %w", withoutURL(err))))
		}
		switch {
		case a.status == http.StatusOK && a.isAPI():
			return nil
		case a.status == http.StatusUnauthorized && a.isAPI():
			if err := c.session.refused(ctx, token, a); err != nil {
				return err
			}
			if try > 0 {
				return jobs.Holding(jobs.HoldAuth, fmt.Errorf("CISO Assistant refuses the new token: %s", errorText(a)))
			}
			continue
		case a.status < 500 && a.status != http.StatusTooManyRequests && a.isAPI() && !a.isGateway():
			return jobs.Holding(jobs.HoldAuth, fmt.Errorf("CISO Assistant refuses the dispatcher: HTTP %d: %s", a.status, errorText(a)))
		case a.status < 500 && a.status != http.StatusTooManyRequests:
			return asHold(c.notTheAPI(r, a))
		}
		return jobs.Holding(jobs.HoldAPIDown, fmt.Errorf("CISO Assistant answers HTTP %d", a.status))
	}
}

// IsHold reports whether err is a hold, and of what reason.
func IsHold(err error) (jobs.Reason, bool) {
	var hold *jobs.HoldError
	if errors.As(err, &hold) {
		return hold.Reason, true
	}
	return "", false
}
