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
// an answer takes longer; a close waits for the answer as long. A broker that is
// slower than the longest patience is asked for less: a smaller answer comes sooner.
const (
	firstPatience = 500 * time.Millisecond
	mostPatience  = 8 * time.Second
	tooSlow       = 3 // answers in a row that were not waited for

	mostBytes  = 32 << 20 // of an answer
	leastBytes = 1 << 20  // a larger record comes nevertheless, alone (KIP-74)
)

// source reads one partition. A broker that is slower than kafka-go's reader
// waits would never get through: then a more patient reader, or one that asks for
// less, takes its place.
type source struct {
	open  func(asking asking, troubled kafka.LoggerFunc) *kafka.Reader
	more  func(asking)  // says how it asks now
	limit time.Duration // of the patience

	mu     sync.Mutex
	reader *kafka.Reader
	asking asking
	next   int64 // first offset that was not returned
	missed int
	giveUp context.CancelFunc // on the answer that is waited for
}

// asking is how a broker is asked.
type asking struct {
	patience time.Duration // for the first byte of an answer
	bytes    int           // of an answer, at most
}

// newSource begins at an offset.
func newSource(from int64, limit time.Duration, open func(asking, kafka.LoggerFunc) *kafka.Reader, more func(asking)) *source {
	s := &source{open: open, more: more, limit: limit, next: from, asking: asking{min(firstPatience, limit), mostBytes}}
	s.begin()
	return s
}

func (s *source) begin() {
	s.reader = s.open(s.asking, s.note)
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
	if s.missed++; s.missed >= tooSlow && s.gentler() != s.asking && s.giveUp != nil {
		s.giveUp()
	}
}

// gentler waits twice as long, or asks for a quarter; the same if neither can be.
func (s *source) gentler() asking {
	a := s.asking
	if a.patience < s.limit {
		a.patience = min(2*a.patience, s.limit)
	} else {
		a.bytes = max(a.bytes/4, leastBytes)
	}
	return a
}

// replace opens a gentler reader; false if there is none.
func (s *source) replace() bool {
	s.mu.Lock()
	old, now := s.reader, s.gentler()
	if now == s.asking {
		s.mu.Unlock()
		return false
	}
	s.asking, s.missed = now, 0
	s.begin()
	s.mu.Unlock()
	_ = old.Close() // what it has fetched is still in Kafka
	s.more(now)
	return true
}

// close ends reading; what was fetched and not returned is still in Kafka.
func (s *source) close() {
	_ = s.await(nil).Close() // it may be waiting to be heard by note: no lock is held
}
