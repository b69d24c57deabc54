package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"dispatcher/jobs"
	"dispatcher/jobs/join"
)

// Times of the connection to a run host.
const (
	dialTimeout    = 5 * time.Second
	reconnectFirst = 250 * time.Millisecond // then twice as long, up to reconnectMost
	reconnectMost  = 4 * time.Second
	pingEvery      = 5 * time.Second
	answerTimeout  = 10 * time.Second
	lookEvery      = time.Second // whether a host that was not active is
	remindEvery    = time.Minute
)

// host is one run host.
type host struct {
	client  *Client
	file    join.File
	subject string
	conn    *nats.Conn
	active  atomic.Bool
	lease   atomic.Int64 // what it gives, nanoseconds
	kicked  chan struct{}
	renewal sync.Mutex

	mu   sync.Mutex
	link context.Context // ends with the present connection
	cut  context.CancelFunc
	said string // the last trouble, and when
	at   time.Time
}

func newHost(c *Client, file join.File) (*host, error) {
	public, err := file.Public()
	if err != nil {
		return nil, err
	}
	options, err := file.Options()
	if err != nil {
		return nil, err
	}
	h := &host{client: c, file: file, subject: join.WorkSubject + "." + public + ".", kicked: make(chan struct{}, 1)}
	h.link, h.cut = context.WithCancel(context.Background())
	h.conn, err = nats.Connect(file.URL(), append(options,
		nats.Name("dispatcher worker"), nats.Timeout(dialTimeout), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(reconnectDelay), nats.IgnoreAuthErrorAbort(), nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(2),
		nats.ReconnectBufSize(-1), // nothing is sent late
		nats.ConnectHandler(func(*nats.Conn) { h.up() }), nats.ReconnectHandler(func(*nats.Conn) { h.up() }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { h.down(err) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { h.trouble(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { h.trouble(err) }),
	)...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", file.Address, err)
	}
	return h, nil
}

func reconnectDelay(attempts int) time.Duration {
	d := min(reconnectFirst<<min(max(attempts-1, 0), 8), reconnectMost)
	return d/2 + rand.N(d/2) // workers do not come as a herd
}

func (h *host) up() {
	h.mu.Lock()
	h.link, h.cut = context.WithCancel(context.Background())
	h.said = ""
	h.mu.Unlock()
	h.client.cfg.Log.Info("connected to the run host", "host", h.file.Address)
	h.kick()
}

// down ends requests that will not be answered any more.
func (h *host) down(err error) {
	h.active.Store(false)
	h.mu.Lock()
	h.cut()
	h.mu.Unlock()
	if !errors.Is(err, io.EOF) { // why it was cut off shows when it is connected to again
		h.trouble(err)
	}
}

// trouble is said when it is new, and then once a minute.
func (h *host) trouble(err error) {
	if err == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	text, now := join.Explain(err).Error(), h.client.cfg.Clock()
	if text == h.said && now.Sub(h.at) < remindEvery {
		return
	}
	h.said, h.at = text, now
	h.client.cfg.Log.Warn("the run host cannot be reached, it is tried again", "host", h.file.Address, "error", text)
}

// kick has the leases renewed now.
func (h *host) kick() {
	select {
	case h.kicked <- struct{}{}:
	default:
	}
}

// renewals renews the leases of this host until ctx ends.
func (h *host) renewals(ctx context.Context) {
	for ctx.Err() == nil {
		if h.conn.IsConnected() {
			if err := h.renew(ctx); err != nil && ctx.Err() == nil {
				h.trouble(err)
			}
		}
		wait := lookEvery
		if h.active.Load() {
			wait = pollFor(time.Duration(h.lease.Load()))
		}
		select {
		case <-ctx.Done():
		case <-h.kicked:
		case <-time.After(wait):
		}
	}
}

// renew tells the host what this process has, and hears how long it may keep it.
func (h *host) renew(ctx context.Context) error {
	h.renewal.Lock()
	defer h.renewal.Unlock()
	c := h.client
	list := c.of(h)
	q := renewRequest{Session: c.session, Process: c.cfg.Process, Capacity: c.cfg.Capacity}
	for _, k := range list {
		q.Leases = append(q.Leases, k.ref)
	}
	c.mu.Lock()
	for _, hold := range c.holds {
		q.Holds = append(q.Holds, hold)
	}
	c.mu.Unlock()
	since := c.cfg.Uptime()
	var answer renewAnswer
	asking, cancel := context.WithTimeout(ctx, h.patience())
	defer cancel()
	if err := h.call(asking, kindRenew, q, &answer); err != nil {
		if asking.Err() != nil && ctx.Err() == nil { // it stands still, as far as can be known: another may be active
			h.active.Store(false)
		}
		return err
	}
	for i, k := range list {
		if i >= len(answer.Leases) {
			break
		}
		n := answer.Leases[i]
		k.canceled.Store(n.Canceled)
		switch {
		case n.Stale:
			k.stop()
		case n.Renewed:
			k.until.Store(int64(since + share(answer.Lease)))
		}
	}
	if answer.Active && c.cfg.Rate != nil && answer.Rate > 0 {
		c.cfg.Rate(answer.Rate)
	}
	h.lease.Store(int64(answer.Lease))
	if h.active.Swap(answer.Active) != answer.Active {
		c.wake()
	}
	return nil
}

// patience is how long an answer is waited for: one that comes after the lease is of
// no use, and meanwhile another host may be the active one.
func (h *host) patience() time.Duration {
	if lease := time.Duration(h.lease.Load()); lease > 0 {
		return min(answerTimeout/2, lease)
	}
	return answerTimeout / 2
}

func (h *host) leave(ctx context.Context) {
	if h.conn.IsConnected() {
		c := h.client
		_ = h.call(ctx, kindRenew, renewRequest{Session: c.session, Process: c.cfg.Process, Leaving: true}, nil) // it is noticed without, too
	}
}

// claim asks for a job; nil if there is none now.
func (h *host) claim(ctx context.Context) (*jobs.Claim, error) {
	c := h.client
	lease := time.Duration(h.lease.Load())
	q := claimRequest{Session: c.session, Process: c.cfg.Process, Poll: nuid.Next(), Wait: pollFor(lease)}
	// The answer of a poll that is withdrawn is waited for: it may be a job.
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.Wait+h.patience())
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		if h.call(asking, kindWithdraw, withdrawRequest{Session: c.session, Poll: q.Poll}, nil) != nil {
			cancel()
		}
	})()
	since := c.cfg.Uptime()
	data, err := h.exchange(asking, kindClaim, q)
	if err != nil {
		return nil, err
	}
	return h.granted(data, since, lease)
}

// granted takes the job of an answer to what was sent at since; nil if there is none in it.
func (h *host) granted(data []byte, since, lease time.Duration) (*jobs.Claim, error) {
	if string(data) == "{}" {
		return nil, nil
	}
	c := h.client
	var a claimAnswer
	body, err := unframe(data, &a)
	if err != nil {
		return nil, err
	}
	env, err := jobs.DecodeEnvelope(body)
	if err != nil {
		return nil, fmt.Errorf("read the message of %s: %w", a.Lease.ID, err)
	}
	k := c.hold(h, a.Lease, since, lease)
	claim := &jobs.Claim{
		Lease:   k.lease,
		Job:     jobs.Job{Seq: a.Lease.Seq, ID: a.Lease.ID, State: jobs.Running, Type: a.Type, Attempts: a.Attempts, Worker: a.Worker},
		Payload: env, Steps: a.Steps, Resumed: a.Resumed, Granted: a.Granted,
		Revoked: k.revoked, Canceled: k.canceled.Load, Valid: func() bool { return c.valid(k) },
	}
	if a.LandsIn > 0 {
		claim.LandsBy = c.cfg.Clock().Add(a.LandsIn)
	}
	return claim, nil
}
