package remote

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"dispatcher/internal/safeguard"
	"dispatcher/jobs"
)

var errLeaseEnded = errors.New("the lease has ended: the run host was not heard of in time")

// held is a lease that this process has.
type held struct {
	host     *host
	lease    jobs.Lease
	ref      leaseRef
	until    atomic.Int64 // [ClientConfig.Uptime], nanoseconds: nothing is sent later
	canceled atomic.Bool
	revoked  context.Context
	revoke   context.CancelCauseFunc
}

func (h *held) stop() { h.revoke(errLeaseEnded) }

// share is what of a lease is used: clocks may differ a little in their speed.
func share(lease time.Duration) time.Duration { return lease - lease/10 }

// hold notes a lease that lasts since a moment of [ClientConfig.Uptime].
func (c *Client) hold(h *host, ref leaseRef, since, lease time.Duration) *held {
	k := &held{host: h, ref: ref, lease: jobs.Lease{Seq: ref.Seq, ID: ref.ID, Epoch: ref.Epoch, Holder: h.file.Address}}
	k.revoked, k.revoke = context.WithCancelCause(context.Background())
	k.until.Store(int64(since + share(lease)))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[k.lease] = k
	return k
}

func (c *Client) holding(l jobs.Lease) *held {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[l]
}

func (c *Client) drop(h *held) {
	h.stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, h.lease)
}

// of returns the leases that a host gave.
func (c *Client) of(h *host) (list []*held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.held {
		if k.host == h {
			list = append(list, k)
		}
	}
	return list
}

// valid reports whether a request may be sent for a lease now.
func (c *Client) valid(h *held) bool {
	if safeguard.Off("lease at the worker") {
		return true
	}
	return h.revoked.Err() == nil && int64(c.cfg.Uptime()) < h.until.Load()
}

// watchEvery is how often the leases are looked at. It is no promise: each request
// is checked by itself.
const watchEvery = 50 * time.Millisecond

// watch ends attempts whose lease has ended, so that their requests are cut off.
func (c *Client) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c.mu.Lock()
		for _, h := range c.held {
			if !c.valid(h) {
				h.stop()
			}
		}
		c.mu.Unlock()
	}
}
