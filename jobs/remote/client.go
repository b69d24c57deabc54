package remote

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"dispatcher/internal/uptime"
	"dispatcher/jobs"
	"dispatcher/jobs/join"
)

// ClientConfig is what a client needs.
type ClientConfig struct {
	Hosts    []join.File             // of the join file
	Process  string                  // host/pid
	Capacity int                     // attempts at a time
	Rate     func(perSecond float64) // is told how many requests the API may be asked by this process; nil: nobody wants to know
	Uptime   func() time.Duration
	Clock    func() time.Time
	Log      *slog.Logger
}

// Client is the scheduler as a worker on another host sees it. It is connected to
// all run hosts of its join file, and asks the active one for jobs.
type Client struct {
	cfg     ClientConfig
	session string
	hosts   []*host

	life    context.Context // of outcomes on the way
	end     context.CancelFunc
	reports sync.WaitGroup

	mu      sync.Mutex
	held    map[jobs.Lease]*held
	holds   map[jobs.Reason]jobs.Hold
	next    int           // the host that is asked first
	changed chan struct{} // closed and renewed when a claim may succeed
}

// NewClient connects to the run hosts, for ever: those that cannot be reached are tried
// again.
func NewClient(cfg ClientConfig) (*Client, error) {
	if cfg.Uptime == nil {
		cfg.Uptime = uptime.Now
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if len(cfg.Hosts) == 0 {
		return nil, errors.New("no run host is named")
	}
	c := &Client{
		cfg: cfg, session: rand.Text(), held: make(map[jobs.Lease]*held), holds: make(map[jobs.Reason]jobs.Hold), changed: make(chan struct{}),
	}
	c.life, c.end = context.WithCancel(context.Background())
	for _, file := range cfg.Hosts {
		h, err := newHost(c, file)
		if err != nil {
			c.disconnect()
			return nil, err
		}
		c.hosts = append(c.hosts, h)
	}
	return c, nil
}

// Run renews leases until ctx ends.
func (c *Client) Run(ctx context.Context) {
	var group sync.WaitGroup
	for _, h := range c.hosts {
		group.Go(func() { h.renewals(ctx) })
	}
	group.Go(func() { c.watch(ctx) })
	group.Wait()
}

// Close waits for outcomes that are on the way, as long as ctx lives, takes leave
// and disconnects. It returns the jobs whose outcomes were not delivered.
func (c *Client) Close(ctx context.Context) (undelivered []string) {
	stop := context.AfterFunc(ctx, c.end)
	defer stop()
	c.reports.Wait()
	c.mu.Lock()
	for l := range c.held {
		undelivered = append(undelivered, l.ID)
	}
	c.mu.Unlock()
	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	for _, h := range c.hosts {
		h.leave(leave)
	}
	c.end()
	c.disconnect()
	return undelivered
}

func (c *Client) disconnect() {
	for _, h := range c.hosts {
		h.conn.Close()
	}
}

// Claim implements workers.Claims: it waits until the active run host has a job.
func (c *Client) Claim(ctx context.Context, _ string) (*jobs.Claim, error) {
	for {
		h, changed := c.pick()
		if h == nil {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		claim, err := h.claim(ctx)
		switch {
		case claim != nil && ctx.Err() != nil: // too late
			c.giveBack(claim)
			return nil, ctx.Err()
		case claim != nil:
			return claim, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && !sleep(ctx, 100*time.Millisecond):
			return nil, ctx.Err()
		}
	}
}

// pick returns a host that may have a job; nil if there is none now, or work
// stands still here.
func (c *Client) pick() (h *host, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.standsStill() {
		return nil, c.changed
	}
	for range c.hosts {
		h := c.hosts[c.next%len(c.hosts)]
		if h.active.Load() {
			return h, c.changed
		}
		c.next++
	}
	return nil, c.changed
}

// mayClaim reports whether nothing stands still here.
func (c *Client) mayClaim() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.standsStill()
}

// standsStill reports whether no job can be carried out here. The lock is held.
func (c *Client) standsStill() bool {
	for reason := range c.holds {
		if reason != jobs.HoldS3Down { // that stops some jobs only: the run host knows which
			return true
		}
	}
	return false
}

// wake has those look again who wait for a host.
func (c *Client) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// Lock implements workers.Claims.
func (c *Client) Lock(ctx context.Context, l jobs.Lease, objects []string) error {
	return c.ask(ctx, l, kindLock, func(ref leaseRef) any { return lockRequest{Session: c.session, Lease: ref, Objects: objects} })
}

// Checkpoint implements workers.Claims.
func (c *Client) Checkpoint(ctx context.Context, l jobs.Lease, steps []jobs.Step, sync bool) error {
	return c.ask(ctx, l, kindCheckpoint, func(ref leaseRef) any {
		return checkpointRequest{Session: c.session, Lease: ref, Steps: steps, Sync: sync}
	})
}

// ask sends a request about a lease until it is answered.
func (c *Client) ask(ctx context.Context, l jobs.Lease, kind string, request func(leaseRef) any) error {
	h := c.holding(l)
	if h == nil {
		return fmt.Errorf("job %s: %w", l.ID, jobs.ErrStale)
	}
	_, err := h.host.insist(ctx, kind, func() any { return request(h.ref) })
	if errors.Is(err, jobs.ErrStale) {
		h.stop()
	}
	return err
}

// SetHold implements workers.Holds: what stands still here, the run host hears.
func (c *Client) SetHold(hold jobs.Hold) (isNew bool) {
	c.mu.Lock()
	former, known := c.holds[hold.Reason]
	hold.Since = c.cfg.Clock()
	if known {
		hold.Since = former.Since
	}
	c.holds[hold.Reason] = hold
	c.mu.Unlock()
	c.kick()
	return !known
}

// ClearHold implements workers.Holds.
func (c *Client) ClearHold(reason jobs.Reason, _ string) (was bool) {
	c.mu.Lock()
	_, was = c.holds[reason]
	delete(c.holds, reason)
	c.mu.Unlock()
	c.kick()
	c.wake()
	return was
}

// Holds returns what stands still here.
func (c *Client) Holds() (list []jobs.Hold) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.holds {
		list = append(list, h)
	}
	return list
}

// Active reports whether a run host is connected that is active.
func (c *Client) Active() bool {
	return slices.ContainsFunc(c.hosts, func(h *host) bool { return h.active.Load() })
}

func (c *Client) kick() {
	for _, h := range c.hosts {
		h.kick()
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
