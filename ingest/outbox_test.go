package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"dispatcher/internal/fakekafka"
	"dispatcher/jobs"
)

type box struct {
	mu        sync.Mutex
	waiting   []uint64
	payload   map[uint64][]byte
	delivered []uint64
}

func (b *box) Outbox(after jobs.Report, limit int) (list []jobs.Report, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.waiting {
		if s > after.Seq {
			list = append(list, jobs.Report{Seq: s})
		}
	}
	return list, nil
}
func (b *box) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.delivered)
}
func (b *box) Ended(r jobs.Report) (jobs.Job, error) {
	seq := r.Seq
	return jobs.Job{Seq: seq, Source: jobs.Source{Topic: "observation"}, ID: fmt.Sprint("j", seq), Failure: jobs.Fail(jobs.CodeRejected, "m")}, nil
}
func (b *box) Payload(seq uint64) ([]byte, error) {
	if p := b.payload[seq]; p != nil {
		return p, nil
	}
	return nil, errors.New("no payload")
}
func (b *box) Delivered(_ context.Context, list []jobs.Report) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range list {
		b.delivered = append(b.delivered, r.Seq)
		for i, w := range b.waiting {
			if w == r.Seq {
				b.waiting = append(b.waiting[:i:i], b.waiting[i+1:]...)
				break
			}
		}
	}
	return nil
}

// deliver runs an outbox until n records are delivered.
func deliver(t *testing.T, b *box, maxMessage, n int) {
	t.Helper()
	c, err := fakekafka.Start(fakekafka.Config{Topics: map[string]int32{"errors": 1}, MaxMessage: maxMessage})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	out := &logs{}
	o, err := NewOutbox(OutboxConfig{Connection: Connection{Servers: []string{c.Addr}, Protocol: "PLAINTEXT"}, Topic: "errors", GroupID: "g", Jobs: b, Log: slog.New(slog.NewTextHandler(out, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { o.Run(ctx); close(done) }()
	for end := time.Now().Add(20 * time.Second); b.count() < n && time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // asked again, up to a deadline
	}
	cancel()
	<-done
	if b.count() < n {
		t.Errorf("delivered %v\n%s", b.delivered, out)
	}
}

func TestADamagedPayloadDoesNotBlockTheOutbox(t *testing.T) {
	t.Parallel()
	good := (&jobs.Envelope{Value: []byte("{}")}).Encode(nil)
	b := &box{waiting: []uint64{1, 2, 3}, payload: map[uint64][]byte{1: good, 2: []byte("damaged"), 3: good}}
	deliver(t, b, 0, 3)
}

func TestAFailureWithLargeHeadersIsReportedAllTheSame(t *testing.T) {
	t.Parallel()
	env := &jobs.Envelope{Value: []byte("{}"), Headers: []jobs.Header{{Name: "h", Value: bytes.Repeat([]byte("x"), 200<<10)}}}
	good := (&jobs.Envelope{Value: []byte("{}")}).Encode(nil)
	b := &box{waiting: []uint64{1, 2}, payload: map[uint64][]byte{1: env.Encode(nil), 2: good}}
	deliver(t, b, 100<<10, 2)
}

func TestTheDigestOfACutMessageIsItsSHA256(t *testing.T) {
	t.Parallel()
	value := []byte(`{"a":"` + strings.Repeat("x", 5000) + `"}`)
	m, err := errorMessage(&jobs.Job{ID: "i", Failure: jobs.Fail(jobs.CodeRejected, "m")}, &jobs.Envelope{Value: value, Key: []byte("k")}, "g", cutMessage)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%x", sha256.Sum256(value)); !strings.Contains(string(m.Value), want) {
		t.Errorf("no %s in %.200s", want, m.Value)
	}
}
