package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"dispatcher/jobs"
	"dispatcher/jobs/join"
	"dispatcher/jobs/schedule"
)

// Scheduler is what a server asks.
type Scheduler interface {
	Lease(ctx context.Context, worker, holder string) (*jobs.Claim, error)
	LeaseNow(ctx context.Context, worker, holder string) (*jobs.Claim, error)
	RenewLeases(holder string, list []jobs.Lease, patience time.Duration) []schedule.Renewal
	Forgo(lease jobs.Lease)
	Lock(ctx context.Context, lease jobs.Lease, objects []string) error
	Checkpoint(ctx context.Context, lease jobs.Lease, steps []jobs.Step, sync bool) error
	Finish(ctx context.Context, lease jobs.Lease, o jobs.Outcome) error
	Active() bool
	SetHold(h jobs.Hold) (isNew bool)
	ClearHold(reason jobs.Reason, scope string) (was bool)
	Joined(worker string)
	Left(worker string)
}

// ServerConfig is what a server needs.
type ServerConfig struct {
	Scheduler Scheduler
	Store     string                     // names the ledger
	Lease     time.Duration              // [schedule.Config.Lease]
	Name      func(public string) string // of a credential; "": it has none
	Hears     func(subject string) bool  // whether anybody waits for an answer
	Rate      float64                    // requests per second that all processes together may ask the API, 0: no limit
	OwnRate   func(perSecond float64)    // is told the share of this process; nil: it carries out nothing
	Clock     func() time.Time
	Log       *slog.Logger
}

// Server answers workers on other hosts.
type Server struct {
	cfg      ServerConfig
	ctx      context.Context
	sub      *nats.Subscription
	sessions sessions
	free     chan *nats.Msg // goroutines that wait for a request
}

// Serve answers on nc until ctx ends.
func Serve(ctx context.Context, nc *nats.Conn, cfg ServerConfig) (*Server, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	s := &Server{cfg: cfg, ctx: ctx, sessions: newSessions(cfg), free: make(chan *nats.Msg)}
	sub, err := nc.Subscribe(join.WorkSubject+".*.*", s.hand)
	if err != nil {
		return nil, fmt.Errorf("offer work: %w", err)
	}
	s.sub = sub
	if err := nc.Flush(); err != nil {
		return nil, fmt.Errorf("offer work: %w", err)
	}
	return s, nil
}

// Workers returns the processes that were heard of within a lease, by name.
func (s *Server) Workers() []Worker { return s.sessions.list() }

// Forget takes the processes of a credential off the list: it was revoked. The
// leases that they have end in time.
func (s *Server) Forget(public string) { s.sessions.forget(public) }

// Run forgets processes that are silent, until ctx ends.
func (s *Server) Run(ctx context.Context) {
	tick := time.NewTicker(max(s.cfg.Lease/10, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.sessions.expire()
		}
	}
}

// hand gives a request to a goroutine that has answered others, if one is free: a
// new one has a small stack, and to grow it costs as much as the request. As many
// stay as there were requests at a time.
func (s *Server) hand(m *nats.Msg) {
	select {
	case s.free <- m:
	default:
		go s.answers(m)
	}
}

func (s *Server) answers(m *nats.Msg) {
	for {
		s.answer(m)
		select {
		case m = <-s.free:
		case <-s.ctx.Done():
			return
		}
	}
}

// answer answers one request. Who asks is in the subject, which the connection's
// rights have checked.
func (s *Server) answer(m *nats.Msg) {
	parts := strings.Split(m.Subject, ".")
	public, kind := parts[len(parts)-2], parts[len(parts)-1]
	name := s.cfg.Name(public)
	if name == "" {
		return // it was revoked just now
	}
	if theirs := m.Header.Get(versionHeader); theirs != Version {
		s.refuse(m, codeVersion, fmt.Sprintf("the run host speaks version %s of the protocol, this worker %q", Version, theirs))
		return
	}
	r := request{Server: s, msg: m, public: public, credential: name}
	var err error
	switch kind {
	case kindRenew:
		err = r.renew()
	case kindClaim:
		err = r.claim()
	case kindWithdraw:
		err = r.withdraw()
	case kindLock:
		err = r.lock()
	case kindCheckpoint:
		err = r.checkpoint()
	case kindFinish:
		err = r.finish()
	default:
		err = fmt.Errorf("no such request %q", kind)
	}
	switch {
	case err == nil:
	case errors.Is(err, jobs.ErrStale):
		s.refuse(m, codeStale, err.Error())
	case errors.Is(err, jobs.ErrLocked):
		s.refuse(m, codeLocked, err.Error())
	default:
		s.cfg.Log.Debug("a worker's request is refused", "credential", name, "request", kind, "error", err)
		s.refuse(m, codeFailed, err.Error())
	}
}

func (s *Server) refuse(m *nats.Msg, code, text string) {
	reply := nats.NewMsg(m.Reply)
	reply.Header.Set(errorHeader, code)
	reply.Header.Set(textHeader, strings.Join(strings.Fields(text), " "))
	_ = m.RespondMsg(reply) // whoever asked may have gone
}

// request is one request of one worker.
type request struct {
	*Server
	msg                *nats.Msg
	public, credential string
}

// holder names the process that holds leases: none can speak for another.
func (r *request) holder(session string) string { return r.public + "/" + session }

func (r *request) lease(session string, ref leaseRef) (jobs.Lease, error) {
	if ref.Store != r.cfg.Store {
		return jobs.Lease{}, fmt.Errorf("job %s was given out by another ledger: %w", ref.ID, jobs.ErrStale)
	}
	return jobs.Lease{Seq: ref.Seq, ID: ref.ID, Epoch: ref.Epoch, Holder: r.holder(session)}, nil
}

func (r *request) read(into any) error {
	if err := json.Unmarshal(r.msg.Data, into); err != nil {
		return fmt.Errorf("request cannot be read: %w", err)
	}
	return nil
}

func (r *request) reply(answer any) error {
	data, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	_ = r.msg.Respond(data) // whoever asked may have gone
	return nil
}

func (r *request) renew() error {
	var q renewRequest
	if err := r.read(&q); err != nil {
		return err
	}
	rate := r.sessions.seen(r, q)
	answer := renewAnswer{Rate: rate, Store: r.cfg.Store, Active: r.cfg.Scheduler.Active(), Lease: r.cfg.Lease, Leases: make([]renewed, len(q.Leases))}
	var known []jobs.Lease
	var at []int
	for i, ref := range q.Leases {
		l, err := r.lease(q.Session, ref)
		if err != nil {
			answer.Leases[i].Stale = true
			continue
		}
		known, at = append(known, l), append(at, i)
	}
	for i, n := range r.cfg.Scheduler.RenewLeases(r.holder(q.Session), known, r.cfg.Lease/3) {
		answer.Leases[at[i]] = renewed{Stale: n.Stale, Renewed: n.Renewed, Canceled: n.Canceled}
	}
	return r.reply(answer)
}

func (r *request) lock() error {
	var q lockRequest
	if err := r.read(&q); err != nil {
		return err
	}
	l, err := r.lease(q.Session, q.Lease)
	if err != nil {
		return err
	}
	if err := r.cfg.Scheduler.Lock(r.ctx, l, q.Objects); err != nil {
		return err
	}
	return r.reply(struct{}{})
}

func (r *request) checkpoint() error {
	var q checkpointRequest
	if err := r.read(&q); err != nil {
		return err
	}
	l, err := r.lease(q.Session, q.Lease)
	if err != nil {
		return err
	}
	if err := r.cfg.Scheduler.Checkpoint(r.ctx, l, q.Steps, q.Sync); err != nil {
		return err
	}
	return r.reply(struct{}{})
}

func (r *request) finish() error {
	var q finishRequest
	if err := r.read(&q); err != nil {
		return err
	}
	l, err := r.lease(q.Session, q.Lease)
	if err != nil {
		return err
	}
	if err := check(q.Outcome); err != nil {
		return err
	}
	now := r.cfg.Clock()
	late := now.Sub(q.SentAt)
	for _, t := range []*time.Time{&q.Outcome.StartedAt, &q.Outcome.EndedAt, &q.Outcome.NotBefore} {
		if !t.IsZero() {
			*t = t.Add(late)
		}
	}
	if most := now.Add(longestWait); q.Outcome.NotBefore.After(most) {
		q.Outcome.NotBefore = most
	}
	if err := r.cfg.Scheduler.Finish(r.ctx, l, q.Outcome); err != nil {
		return err
	}
	if r.cfg.Clock().Sub(now) > patience {
		q.Next = "" // nobody waits for this answer any more
	}
	return r.next(&q)
}

// longestWait bounds how long a worker may have a job wait.
const longestWait = time.Hour

// check refuses an outcome that makes no sense: what is stored is believed later.
func check(o jobs.Outcome) error {
	needs := o.Kind == jobs.OutcomeFailed || o.Kind == jobs.OutcomeRetry
	if o.Kind < jobs.OutcomeSucceeded || o.Kind > jobs.OutcomeReturned || needs && o.Failure == nil {
		return fmt.Errorf("outcome %d makes no sense", o.Kind)
	}
	return nil
}
