package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dispatcher/jobs"
)

// patience is how long an outcome is waited for in place before it is delivered beside other work.
const patience = 2 * time.Second

// Finish implements workers.Claims. An outcome that cannot be delivered now is
// kept, and sent until it is taken or refused; then nil is returned.
func (c *Client) Finish(ctx context.Context, l jobs.Lease, o jobs.Outcome) error {
	_, err := c.finish(ctx, l, o, false)
	return err
}

// FinishNext is [Client.Finish] that comes back with the next job, if the run
// host has one at once: it saves two messages of the six that a job costs.
func (c *Client) FinishNext(ctx context.Context, l jobs.Lease, o jobs.Outcome) (next *jobs.Claim, err error) {
	return c.finish(ctx, l, o, o.Kind != jobs.OutcomeHeld)
}

func (c *Client) finish(ctx context.Context, l jobs.Lease, o jobs.Outcome, more bool) (next *jobs.Claim, err error) {
	h := c.holding(l)
	if h == nil {
		return nil, fmt.Errorf("job %s: %w", l.ID, jobs.ErrStale)
	}
	if o.Kind == jobs.OutcomeHeld { // first it must know why, else the job comes back at once
		_ = h.host.renew(ctx) // at worst it does
	}
	type answer struct {
		next *jobs.Claim
		err  error
	}
	result, gone := make(chan answer), make(chan struct{})
	defer close(gone)
	c.reports.Go(func() {
		next, err := c.deliver(h, o, more)
		select {
		case result <- answer{next, err}:
		case <-gone: // nobody waits for a job any more
			c.giveBack(next)
		}
	})
	select {
	case a := <-result:
		return a.next, a.err
	case <-time.After(patience):
		c.cfg.Log.Warn("an outcome cannot be delivered, it is sent until it is", "job", l.ID, "host", h.host.file.Address)
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// deliver sends an outcome until it is taken or refused.
func (c *Client) deliver(h *held, o jobs.Outcome, more bool) (next *jobs.Claim, err error) {
	var since, lease time.Duration
	answer, err := h.host.insist(c.life, kindFinish, func() any {
		since, lease = c.cfg.Uptime(), time.Duration(h.host.lease.Load())
		q := finishRequest{Session: c.session, Lease: h.ref, Outcome: o, SentAt: c.cfg.Clock()}
		if more && c.mayClaim() {
			q.Next = c.cfg.Process
		}
		return q
	})
	if c.life.Err() != nil && err != nil {
		return nil, err // it stays undelivered
	}
	c.drop(h)
	if errors.Is(err, jobs.ErrStale) {
		c.cfg.Log.Warn("an outcome is not taken: the job was given to another, or this was said before", "job", h.ref.ID)
	}
	if err != nil {
		return nil, err
	}
	if next, err = h.host.granted(answer, since, lease); err != nil { // the lease is given back: nobody renews it
		c.cfg.Log.Warn("a job that came with an answer cannot be read", "error", err)
	}
	return next, nil
}

// giveBack returns a job as if it had not been claimed; nil: there is none.
func (c *Client) giveBack(claim *jobs.Claim) {
	if claim != nil {
		_ = c.Finish(c.life, claim.Lease, jobs.Outcome{Kind: jobs.OutcomeReturned, StartedAt: c.cfg.Clock(), EndedAt: c.cfg.Clock()})
	}
}
