package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// health is what is known of the server on one connection.
type health struct {
	conn   *nats.Conn
	handle jetstream.Stream
	probed bool
	stuck  error // why the files cannot be written, nil if they can
}

// Stuck returns why the files of JOBS cannot be written until its server is
// started again, nil if they can.
func (s *Stream) Stuck() error {
	conn := s.conn()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew(conn)
	return s.health.stuck
}

// renew forgets what belonged to another connection. The lock is held.
func (s *Stream) renew(conn *nats.Conn) {
	if s.health.conn != conn {
		s.health = health{conn: conn}
	}
}

// jam records that writing has failed on conn.
func (s *Stream) jam(conn *nats.Conn, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.health.conn == conn && s.health.stuck == nil {
		s.health.stuck = why
	}
}

// healthy returns the connection if no write has failed on it.
func (s *Stream) healthy(ctx context.Context) (*nats.Conn, error) {
	stream, conn, err := s.stream(ctx)
	if err == nil {
		err = s.probe(ctx, stream, conn)
	}
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	if err = s.unanswered(err); errors.Is(err, errJammed) {
		s.jam(conn, err)
	}
	return nil, err
}

// probe asks once per connection whether the server can write. It may have
// failed while it started, when it completed a batch that was cut short.
func (s *Stream) probe(ctx context.Context, stream jetstream.Stream, conn *nats.Conn) error {
	s.mu.Lock()
	h := s.health
	s.mu.Unlock()
	if h.conn != conn || h.probed || h.stuck != nil {
		return h.stuck
	}
	// Nothing is purged, from a subject that is never used: that too is refused
	// after a write error.
	err := stream.Purge(ctx, jetstream.WithPurgeSubject("j.probe"), jetstream.WithPurgeSequence(2))
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		return fmt.Errorf("%w (%s)", errJammed, refused.Description)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.health.conn == conn {
		s.health.probed = true
	}
	return nil
}

// stream returns the handle for the present connection, and that.
func (s *Stream) stream(ctx context.Context) (jetstream.Stream, *nats.Conn, error) {
	conn := s.conn()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew(conn)
	if s.health.handle != nil {
		return s.health.handle, conn, nil
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, conn, err
	}
	handle, err := js.Stream(ctx, streamName)
	if err != nil {
		return nil, conn, err
	}
	s.health.handle = handle
	return handle, conn, nil
}
