package control

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"dispatcher/jobs"
	"dispatcher/jobs/join"
)

// OperatorPrefix is that of the subjects which the operator with a key uses from
// another host.
func OperatorPrefix(public string) string { return join.OperateSubject + "." + public }

// ServeOperators offers backend to operators on other hosts. Who does something
// is certain: name gives the credential of a key, "" if it has none.
func ServeOperators(nc *nats.Conn, backend Backend, name func(public string) string) (stop func() error, err error) {
	return offer(nc, join.OperateSubject+".*", func(subject string) map[string]answerer {
		if subject == "" {
			return answerers(backend)
		}
		who := name(strings.Split(subject, ".")[strings.Count(join.OperateSubject, ".")+1])
		if who == "" {
			return nil // it was revoked just now
		}
		return answerers(&signing{Backend: backend, who: who})
	})
}

// signing is a backend on which everything is done by one operator.
type signing struct {
	Backend
	who string
}

// sign puts the credential before what the operator says of itself.
func (s *signing) sign(by *Signed) { by.Operator = s.who + " (" + by.Operator + ")" }

// Retry implements [Operator].
func (s *signing) Retry(ctx context.Context, q RetryQuery, told Progress) (Changed, error) {
	s.sign(&q.Signed)
	return s.Backend.Retry(ctx, q, told)
}

// Cancel implements [Operator].
func (s *signing) Cancel(ctx context.Context, q CancelQuery, told Progress) (Changed, error) {
	s.sign(&q.Signed)
	return s.Backend.Cancel(ctx, q, told)
}

// Pause implements [Operator].
func (s *signing) Pause(ctx context.Context, q PauseQuery) (Paused, error) {
	s.sign(&q.Signed)
	return s.Backend.Pause(ctx, q)
}

// Resume implements [Operator].
func (s *signing) Resume(ctx context.Context, q PauseQuery) (Paused, error) {
	s.sign(&q.Signed)
	return s.Backend.Resume(ctx, q)
}

// Submit implements [Operator].
func (s *signing) Submit(ctx context.Context, env jobs.Envelope) (Job, error) {
	if asked := env.Asked(time.Time{}); asked != nil {
		by := Signed{Operator: asked.Operator}
		s.sign(&by)
		env.SetOperator(by.Operator)
	}
	return s.Backend.Submit(ctx, env)
}

// Web implements [Operator].
func (s *signing) Web(ctx context.Context, q WebQuery) (WebPass, error) {
	by := Signed{Operator: q.Operator}
	s.sign(&by)
	q.Operator = by.Operator
	return s.Backend.Web(ctx, q)
}

// Replay implements [Operator].
func (s *signing) Replay(ctx context.Context, q ReplayQuery, told Progress) (Changed, error) {
	s.sign(&q.Signed)
	return s.Backend.Replay(ctx, q, told)
}
