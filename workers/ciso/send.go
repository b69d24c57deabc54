package ciso

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// call sends a request and decodes a JSON answer into out (nil: drop it).
func (c *Client) call(ctx context.Context, r *request, out any) error {
	a, err := c.send(ctx, r)
	if err != nil || out == nil {
		return err
	}
	if err := decodeAnswer(a.body, out, r.want); err != nil {
		return c.suspicious(ctx, r, a, fmt.Errorf("%s %s: the answer is cut or not JSON: %w", r.method, r.path, err))
	}
	return nil
}

// send sends a request, renews the session once if it is refused, and turns
// everything but success into an error.
func (c *Client) send(ctx context.Context, r *request) (*answer, error) {
	if err := c.ensureBase(ctx); err != nil {
		return nil, err
	}
	if c.limiter.Limit() != rate.Inf {
		if err := c.limiter.Wait(ctx); err != nil {
			return nil, err
		}
	}
	token := ""
	if !r.plain {
		var err error
		if token, err = c.session.token(ctx); err != nil {
			return nil, err
		}
	}
	a, err := c.roundTrip(ctx, r, token)
	if err == nil && a.status == http.StatusUnauthorized && !r.plain && a.isAPI() {
		if err := c.session.refused(ctx, token, a); err != nil {
			return nil, err
		}
		if token, err = c.session.token(ctx); err != nil {
			return nil, err
		}
		a, err = c.roundTrip(ctx, r, token)
	}
	if err != nil {
		return nil, c.noAnswer(ctx, r, err)
	}
	return a, c.judge(ctx, r, a)
}

// roundTrip sends one HTTP request and reads the whole answer.
func (c *Client) roundTrip(ctx context.Context, r *request, token string) (*answer, error) {
	if r.probes() {
		return c.told(ctx, r, token, func(int, time.Duration, int, error) {})
	}
	if err := c.inflight.acquire(ctx); err != nil {
		return nil, err
	}
	return c.told(ctx, r, token, func(route int, took time.Duration, status int, err error) {
		if timedOut(ctx, err) || status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			c.inflight.unanswered()
			return
		}
		c.inflight.answered(route, took, err == nil && r.timeout == 0)
	})
}

// timedOut reports whether an error says that the server took a request and did not
// answer in time.
func timedOut(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && !isUnsent(err)
}

// told sends a request, and tells how it went.
func (c *Client) told(ctx context.Context, r *request, token string, ended func(route int, took time.Duration, status int, err error)) (a *answer, err error) {
	began, status := c.cfg.Clock(), 0
	defer func() { // whatever happens, its place is free again
		if a != nil {
			status = a.status
		}
		route, took := c.routes.of(r.method, r.path), c.cfg.Clock().Sub(began)
		ended(route, took, status, err)
		if c.cfg.Requests != nil {
			c.cfg.Requests.Request(route, status, took)
		}
	}()
	return c.exchange(ctx, r, token)
}

func (c *Client) exchange(ctx context.Context, r *request, token string) (a *answer, err error) {
	m, err := c.message(ctx, r, token)
	if err != nil {
		return nil, err
	}
	ended := c.trace(ctx, m)
	defer func() {
		status := 0
		if a != nil {
			status = a.status
		}
		ended(status, err)
	}()
	timeout := r.timeout
	if timeout == 0 {
		timeout = c.cfg.Timeout
	}
	return c.do(ctx, m, timeout)
}

// do sends a message, follows redirects, and gives up after the timeout, which
// includes reading the answer.
func (c *Client) do(ctx context.Context, m *message, timeout time.Duration) (*answer, error) {
	deadline := time.Now().Add(timeout)
	if c.direct != nil && m.to.direct && c.direct.takes(m) {
		// What the standard client does about a request costs as much as all else, and
		// is for redirects alone. One is asked once more then: only reads follow it.
		a, err := c.direct.ask(ctx, m, deadline)
		if err != nil || m.method != http.MethodGet || !a.redirects() {
			return a, err
		}
	}
	if !permitted(ctx) {
		return nil, errNotPermitted
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	req, err := m.http(guarded(ctx))
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, header: resp.Header}
	if a.body, err = readAll(resp); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return a, nil
}
