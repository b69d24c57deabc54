package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dispatcher/jobs"
)

// claim is a long poll for a job.
func (r *request) claim() error {
	var q claimRequest
	if err := r.read(&q); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.ctx, min(q.Wait, r.cfg.Lease/4))
	defer cancel()
	done := r.sessions.polling(r.holder(q.Session), q.Poll, cancel)
	claim, err := r.cfg.Scheduler.Lease(ctx, r.sessions.name(r.credential, q.Process), r.holder(q.Session))
	withdrawn := done()
	switch {
	case err != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)):
		return r.reply(struct{}{})
	case err != nil:
		return fmt.Errorf("claim: %w", err)
	case withdrawn || !r.cfg.Hears(r.msg.Reply): // it ended while it waited
		r.cfg.Scheduler.Forgo(claim.Lease)
		return r.reply(struct{}{})
	}
	return r.grant(claim)
}

// next answers a report with the next job, if it is asked for and there is one.
// The report is taken, whatever becomes of that.
func (r *request) next(q *finishRequest) error {
	if q.Next == "" {
		return r.reply(struct{}{})
	}
	claim, err := r.cfg.Scheduler.LeaseNow(r.ctx, r.sessions.name(r.credential, q.Next), r.holder(q.Session))
	if err == nil && claim != nil {
		if r.cfg.Hears(r.msg.Reply) {
			if err = r.grant(claim); err == nil {
				return nil
			}
		} else {
			r.cfg.Scheduler.Forgo(claim.Lease)
		}
	}
	if err != nil {
		r.cfg.Log.Debug("a report is not answered with a job", "credential", r.credential, "error", err)
	}
	return r.reply(struct{}{})
}

// grant sends a job. One that cannot be sent is given back.
func (r *request) grant(c *jobs.Claim) error {
	head := claimAnswer{
		Lease:  leaseRef{Seq: c.Seq, ID: c.ID, Epoch: c.Epoch, Store: r.cfg.Store},
		Worker: c.Job.Worker, Type: c.Job.Type, Attempts: c.Job.Attempts, Steps: c.Steps, Resumed: c.Resumed, Granted: c.Granted,
	}
	if !c.LandsBy.IsZero() {
		head.LandsIn = max(0, c.LandsBy.Sub(r.cfg.Clock()))
	}
	data, err := frame(head, &c.Payload)
	if err == nil {
		err = r.msg.Respond(data)
	}
	if err != nil {
		r.cfg.Scheduler.Forgo(c.Lease)
		return fmt.Errorf("hand out %s: %w", c.ID, err)
	}
	return nil
}

// withdraw ends a poll, which is then answered.
func (r *request) withdraw() error {
	var q withdrawRequest
	if err := r.read(&q); err != nil {
		return err
	}
	r.sessions.withdraw(r.holder(q.Session), q.Poll)
	return r.reply(struct{}{})
}

// poll is a claim that waits.
type poll struct {
	cancel    context.CancelFunc
	withdrawn bool
}

func (s *sessions) polling(holder, id string, cancel context.CancelFunc) (done func() (withdrawn bool)) {
	key, p := holder+"/"+id, &poll{cancel: cancel}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polls[key] = p
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.polls, key)
		return p.withdrawn
	}
}

func (s *sessions) withdraw(holder, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.polls[holder+"/"+id]; p != nil {
		p.withdrawn = true
		p.cancel()
	}
}

// pollFor is how long a claim waits, of a lease.
func pollFor(lease time.Duration) time.Duration { return lease / 6 }
