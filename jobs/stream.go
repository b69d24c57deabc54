package jobs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// streamName is the JetStream stream that holds the payloads of unfinished jobs.
const streamName = "JOBS"

// answerTimeout is how long the embedded server is waited for. It answers in
// milliseconds, or after a write error never.
const answerTimeout = 10 * time.Second

var (
	// ErrFenced is returned when a partition's last message in JOBS is not
	// the one that the appender knows: another writer has been there.
	ErrFenced = errors.New("another writer appended to this partition")
	// ErrStoreFull is returned when JOBS takes nothing: its byte limit is
	// reached, or its files cannot be written.
	ErrStoreFull = errors.New("JOBS is full")
	// ErrLimit is an [ErrStoreFull] of the byte limit, not of the disk.
	ErrLimit = fmt.Errorf("%w: its byte limit is reached", ErrStoreFull)
	// ErrNoPayload is returned when JOBS holds no message at a place.
	ErrNoPayload = errors.New("no such payload in JOBS")
)

// Stream is JOBS: file storage, limits retention, one subject per Kafka
// partition. The last message of a subject is the read cursor and never purged.
//
// A write error of its files (disk full) stays until the server is started
// again, and until then the server shows messages that are not on disk. So
// nothing is appended, and nothing is believed of the stream's end, on a
// connection on which that has happened; single messages are still read.
type Stream struct {
	conn     func() *nats.Conn
	appends  chan struct{} // bounds what waits in the server
	patience time.Duration // with the server's answers
	identity string
	created  bool

	mu     sync.Mutex
	health health
	newest map[Partition]uint64 // a message that is, or was, the last of its partition
}

// OpenStream opens JOBS, or makes it, with room for maxBytes. conn is asked
// anew for each use, because a restart of the server changes the connection.
func OpenStream(ctx context.Context, conn func() *nats.Conn, maxBytes int64) (*Stream, error) {
	s := &Stream{
		conn: conn, appends: make(chan struct{}, maxAppends), patience: answerTimeout,
		health: health{conn: conn()}, newest: make(map[Partition]uint64),
	}
	js, err := jetstream.New(s.health.conn)
	if err != nil {
		return nil, fmt.Errorf("open JOBS: %w", err)
	}
	existing, err := js.Stream(ctx, streamName)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		s.created, s.identity = true, rand.Text()
	case err != nil:
		return nil, fmt.Errorf("open JOBS: %w", err)
	default:
		info := existing.CachedInfo()
		s.created, s.identity = info.State.LastSeq == 0, info.Config.Metadata[identityKey]
	}
	if s.health.handle, err = js.CreateOrUpdateStream(ctx, streamConfig(maxBytes, s.identity)); err != nil {
		return nil, fmt.Errorf("open JOBS: %w", err)
	}
	return s, nil
}

const identityKey = "dispatcher-id"

func streamConfig(maxBytes int64, identity string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               streamName,
		Subjects:           []string{"j.>"},
		Storage:            jetstream.FileStorage,
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardNew, // a lower limit than what is there drops nothing
		MaxBytes:           max(maxBytes, 1),     // 0 would be no limit
		AllowDirect:        true,
		AllowAtomicPublish: true,
		Metadata:           map[string]string{identityKey: identity},
	}
}

// Identity names this stream for ever: a swapped or new one has another.
func (s *Stream) Identity() string { return s.identity }

// Created reports whether nothing had ever been stored when it was opened.
func (s *Stream) Created() bool { return s.created }

// subject returns where the messages of a partition are. Of a topic's name only
// letters, digits, "_" and "-" stand for themselves: dots would make tokens, and
// two of them an empty one.
func subject(p Partition) string {
	if p.Topic == "" {
		return "j.submit"
	}
	var b strings.Builder
	b.WriteString("j.")
	for _, c := range []byte(p.Topic) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	b.WriteByte('.')
	b.WriteString(strconv.Itoa(int(p.ID)))
	return b.String()
}

// Bounds returns the first and last sequence and the bytes in use.
func (s *Stream) Bounds(ctx context.Context) (first, last uint64, bytes uint64, err error) {
	stream, _, err := s.stream(ctx)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("inspect JOBS: %w", err)
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("inspect JOBS: %w", err)
	}
	return info.State.FirstSeq, info.State.LastSeq, info.State.Bytes, nil
}
