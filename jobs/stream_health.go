package jobs

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Stuck returns why the files of JOBS cannot be written until its server is
// started again, nil if they can.
func (s *Stream) Stuck() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew(s.conn())
	return s.stuck
}

// renew forgets what belonged to another connection. The lock is held.
func (s *Stream) renew(conn *nats.Conn) {
	if s.on != conn {
		s.on, s.handle, s.stuck = conn, nil, nil
	}
}

// jam records that writing has failed on conn.
func (s *Stream) jam(conn *nats.Conn, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on == conn && s.stuck == nil {
		s.stuck = why
	}
}

// healthy returns the connection if nothing that was written on it has failed.
func (s *Stream) healthy() (*nats.Conn, error) {
	conn := s.conn()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew(conn)
	return conn, s.stuck
}

// stream returns the handle for the present connection.
func (s *Stream) stream(ctx context.Context) (jetstream.Stream, error) {
	conn := s.conn()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew(conn)
	if s.handle != nil {
		return s.handle, nil
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	s.handle, err = js.Stream(ctx, streamName)
	return s.handle, err
}
