package ingest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// Patience with a broker. kafka-go asks again, for ever, when the first byte of
// an answer takes longer; a close waits for the answer as long.
const (
	firstPatience = 500 * time.Millisecond
	mostPatience  = 8 * time.Second
	tooSlow       = 3 // answers in a row that were not waited for
)

// source reads one partition. A broker that is slower than kafka-go's reader
// waits would never get through: then a more patient reader takes its place.
type source struct {
	open  func(patience time.Duration, troubled kafka.LoggerFunc) *kafka.Reader
	more  func(patience time.Duration) // says that it waits longer now
	limit time.Duration                // of the patience

	mu       sync.Mutex
	reader   *kafka.Reader
	patience time.Duration
	next     int64 // first offset that was not returned
	missed   int
	giveUp   context.CancelFunc // on the answer that is waited for
}

// newSource begins at an offset.
func newSource(from int64, limit time.Duration, open func(time.Duration, kafka.LoggerFunc) *kafka.Reader, more func(time.Duration)) *source {
	s := &source{open: open, more: more, limit: limit, next: from, patience: min(firstPatience, limit)}
	s.begin()
	return s
}

func (s *source) begin() {
	s.reader = s.open(s.patience, s.note)
	_ = s.reader.SetOffset(s.next) // fails only for a reader in a group
}

// fetch returns the next record.
func (s *source) fetch(ctx context.Context) (kafka.Message, error) {
	for {
		waiting, cancel := context.WithCancel(ctx)
		reader := s.await(cancel)
		m, err := reader.FetchMessage(waiting)
		cancel()
		if err == nil {
			s.got(m.Offset)
			return m, nil
		}
		if ctx.Err() != nil || waiting.Err() == nil || !s.replace() {
			return m, err
		}
	}
}

func (s *source) await(giveUp context.CancelFunc) *kafka.Reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.giveUp = giveUp
	return s.reader
}

func (s *source) got(offset int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next, s.missed = offset+1, 0
}

// note hears of kafka-go's troubles.
func (s *source) note(format string, args ...any) {
	if !strings.Contains(fmt.Sprintf(format, args...), "i/o timeout") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.missed++; s.missed >= tooSlow && s.patience < s.limit && s.giveUp != nil {
		s.giveUp()
	}
}

// replace opens a reader that waits twice as long; false if it already waits
// longest.
func (s *source) replace() bool {
	s.mu.Lock()
	old := s.reader
	if s.patience >= s.limit {
		s.mu.Unlock()
		return false
	}
	s.patience, s.missed = min(2*s.patience, s.limit), 0
	s.begin()
	patience := s.patience
	s.mu.Unlock()
	_ = old.Close() // what it has fetched is still in Kafka
	s.more(patience)
	return true
}

// close ends reading; what was fetched and not returned is still in Kafka.
func (s *source) close() {
	_ = s.await(nil).Close() // it may be waiting to be heard by note: no lock is held
}
