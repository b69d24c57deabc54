package workers

import (
	"context"
	"sync"
)

// session makes the contexts of attempts: they end with the pool's work, and with what
// revokes a claim.
type session struct {
	shared bool // what revokes one claim revokes all: those of this process

	mu      sync.Mutex
	revoked context.Context
	ctx     context.Context // of all claims that end with revoked
}

// begin returns the context of an attempt; call release at its end. Of claims that
// are revoked together all have the same: one for each costs as much as to log its end.
func (s *session) begin(work, revoked context.Context) (ctx context.Context, release func()) {
	nothing := func() {}
	if revoked == nil {
		return work, nothing
	}
	if !s.shared {
		return upTo(work, revoked)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revoked != revoked {
		s.ctx, _ = upTo(work, revoked) // it is released when it is revoked, or with work
		s.revoked = revoked
	}
	return s.ctx, nothing
}

// upTo returns work that ends also with revoked.
func upTo(work, revoked context.Context) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(work)
	stop := context.AfterFunc(revoked, func() { cancel(errRevoked) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// canceled is a context that has ended.
func canceled(ctx context.Context, cause error) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	cancel(cause)
	return ctx
}
