package ciso

import (
	"context"
	"fmt"
	"net/http"
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
	if c.limiter != nil {
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
	if c.cfg.Requests == nil {
		return c.exchange(ctx, r, token)
	}
	began := c.cfg.Clock()
	a, err := c.exchange(ctx, r, token)
	status := 0
	if err == nil {
		status = a.status
	}
	c.cfg.Requests.Request(c.routes.of(r.method, r.path), status, c.cfg.Clock().Sub(began))
	return a, err
}

func (c *Client) exchange(ctx context.Context, r *request, token string) (a *answer, err error) {
	timeout := r.timeout
	if timeout == 0 {
		timeout = c.cfg.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := c.build(ctx, r, token)
	if err != nil {
		return nil, err
	}
	ended, status := c.trace(ctx, r, req), 0
	defer func() { ended(status, err) }()
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	status = resp.StatusCode
	defer resp.Body.Close()
	body, err := readAll(resp)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}
