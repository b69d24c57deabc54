package jobs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// streamName is the JetStream stream that holds the payloads of unfinished jobs.
const streamName = "JOBS"

var (
	// ErrFenced is returned when a partition's last message in JOBS is not
	// the one that the appender knows: another writer has been there.
	ErrFenced = errors.New("another writer appended to this partition")
	// ErrStoreFull is returned when JOBS has no room: its byte limit, or the disk.
	ErrStoreFull = errors.New("JOBS is full")
	// ErrLimit is an [ErrStoreFull] of the byte limit, not of the disk.
	ErrLimit = fmt.Errorf("%w: its byte limit is reached", ErrStoreFull)
	// ErrNoPayload is returned when JOBS holds no message at a place.
	ErrNoPayload = errors.New("no such payload in JOBS")
)

// Stream is JOBS: file storage, limits retention, one subject per Kafka
// partition. The last message of a subject is the read cursor and never purged.
type Stream struct {
	conn func() *nats.Conn

	mu       sync.Mutex
	js       jetstream.JetStream
	on       *nats.Conn // the connection that js was made for
	identity string
	created  bool
}

// OpenStream opens JOBS, or makes it, with room for maxBytes. conn is asked
// anew for each use, because a restart of the server changes the connection.
func OpenStream(ctx context.Context, conn func() *nats.Conn, maxBytes int64) (*Stream, error) {
	s := &Stream{conn: conn}
	js, err := s.jetStream()
	if err != nil {
		return nil, err
	}
	existing, err := js.Stream(ctx, streamName)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		s.created = true
		s.identity = rand.Text()
	case err != nil:
		return nil, fmt.Errorf("open JOBS: %w", err)
	default:
		s.identity = existing.CachedInfo().Config.Metadata["dispatcher-id"]
	}
	_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:               streamName,
		Subjects:           []string{"j.>"},
		Storage:            jetstream.FileStorage,
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardNew,
		MaxBytes:           maxBytes,
		AllowDirect:        true,
		AllowAtomicPublish: true,
		Metadata:           map[string]string{"dispatcher-id": s.identity},
	})
	if err != nil {
		return nil, fmt.Errorf("open JOBS: %w", err)
	}
	return s, nil
}

// Identity names this stream for ever: a swapped or new one has another.
func (s *Stream) Identity() string { return s.identity }

// Created reports whether OpenStream made the stream.
func (s *Stream) Created() bool { return s.created }

func (s *Stream) jetStream() (jetstream.JetStream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	conn := s.conn()
	if s.js != nil && s.on == conn {
		return s.js, nil
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("use JOBS: %w", err)
	}
	s.js, s.on = js, conn
	return js, nil
}

// subject returns where the messages of a partition are. Dots of a topic would
// split the subject into tokens (and two of them make an empty one); "%" is in
// no topic's name (Kafka allows letters, digits, ".", "_" and "-").
func subject(p Partition) string {
	if p.Topic == "" {
		return "j.submit"
	}
	return "j." + strings.ReplaceAll(p.Topic, ".", "%") + "." + strconv.Itoa(int(p.ID))
}

// Bounds returns the first and last sequence and the bytes in use.
func (s *Stream) Bounds(ctx context.Context) (first, last uint64, bytes uint64, err error) {
	js, err := s.jetStream()
	if err != nil {
		return 0, 0, 0, err
	}
	stream, err := js.Stream(ctx, streamName)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("inspect JOBS: %w", err)
	}
	state := stream.CachedInfo().State
	return state.FirstSeq, state.LastSeq, state.Bytes, nil
}

// Purge drops the messages of a partition before a sequence. The last message
// of its subject stays, whatever before is.
func (s *Stream) Purge(ctx context.Context, p Partition, before uint64) error {
	js, err := s.jetStream()
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, streamName)
	if err != nil {
		return fmt.Errorf("purge JOBS: %w", err)
	}
	last, _, ok, err := s.Last(ctx, p)
	if err != nil || !ok {
		return err
	}
	if before = min(before, last); before <= 1 {
		return nil
	}
	err = stream.Purge(ctx, jetstream.WithPurgeSubject(subject(p)), jetstream.WithPurgeSequence(before))
	if err != nil {
		return fmt.Errorf("purge JOBS %s: %w", p, err)
	}
	return nil
}
