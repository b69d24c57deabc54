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

// probeFresh is how long an answer of the probe counts for all.
const probeFresh = time.Second

// prober lets one probe at a time answer for everybody.
type prober struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

// Probe asks the API whether it is there and accepts the token: build/ is cheap
// and authenticated. It returns nil or a [jobs.HoldError].
func (c *Client) Probe(ctx context.Context) error {
	c.prober.mu.Lock()
	defer c.prober.mu.Unlock()
	if now := c.cfg.Clock(); now.Sub(c.prober.at) < probeFresh {
		return c.prober.err
	}
	err := c.probe(ctx)
	if ctx.Err() != nil {
		return ctx.Err() // this caller's trouble, nobody else's answer
	}
	c.prober.at, c.prober.err = c.cfg.Clock(), err
	return err
}

// ProbeNow is Probe without the answer of a moment ago.
func (c *Client) ProbeNow(ctx context.Context) error {
	c.prober.mu.Lock()
	c.prober.at = time.Time{}
	c.prober.mu.Unlock()
	return c.Probe(ctx)
}

func (c *Client) probe(ctx context.Context) error {
	token, err := c.session.token(ctx)
	if err != nil {
		return err
	}
	r := &request{method: http.MethodGet, path: "/build/"}
	a, err := c.roundTrip(ctx, r, token)
	if err != nil {
		return jobs.Holding(jobs.HoldAPIDown, hint(fmt.Errorf("CISO Assistant does not answer: %w", withoutURL(err))))
	}
	switch {
	case a.status == http.StatusOK && a.isAPI():
		return nil
	case a.status == http.StatusUnauthorized && a.isAPI():
		return c.session.refused(ctx, token, a)
	case a.isAPI() && a.status < 500:
		return jobs.Holding(jobs.HoldAuth, fmt.Errorf("CISO Assistant refuses the dispatcher: HTTP %d: %s", a.status, errorText(a)))
	case a.status < 500:
		return c.notTheAPI(r, a)
	}
	return jobs.Holding(jobs.HoldAPIDown, fmt.Errorf("CISO Assistant answers HTTP %d", a.status))
}

// The breaker opens when requests for this many objects fail within a while
// and none succeeds: then it is not the objects.
const (
	breakerObjects = 5
	breakerWindow  = 30 * time.Second
)

type breaker struct {
	mu      sync.Mutex
	objects map[string]time.Time
}

// failed notes a failure and reports whether the breaker opens. It closes again
// at once: what follows is the hold's probing.
func (b *breaker) failed(object string, now time.Time) (open bool) {
	if object == "" {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.objects == nil {
		b.objects = make(map[string]time.Time)
	}
	b.objects[object] = now
	for name, at := range b.objects {
		if now.Sub(at) > breakerWindow {
			delete(b.objects, name)
		}
	}
	if len(b.objects) < breakerObjects {
		return false
	}
	b.objects = nil
	return true
}

func (b *breaker) succeeded() {
	b.mu.Lock()
	b.objects = nil
	b.mu.Unlock()
}

// IsHold reports whether err is a hold, and of what reason.
func IsHold(err error) (jobs.Reason, bool) {
	var hold *jobs.HoldError
	if errors.As(err, &hold) {
		return hold.Reason, true
	}
	return "", false
}
