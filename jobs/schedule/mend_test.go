package schedule

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"dispatcher/jobs"
)

// kafka has, or no longer has, what JOBS lost.
type kafka struct {
	has  map[int64]jobs.Envelope
	away bool
}

func (k kafka) Again(_ context.Context, source jobs.Source) (jobs.Envelope, bool, error) {
	if k.away {
		return jobs.Envelope{}, false, errors.New("connection refused")
	}
	e, ok := k.has[source.Offset]
	return e, ok, nil
}

// damaged leaves two jobs of one key, and JOBS without the message of the first.
func damaged(t *testing.T, origin Origin) (*bench, []uint64) {
	m := newMemory()
	newBench(t, m, nil).feed(t, "a", "a")
	m.mu.Lock()
	delete(m.stream, 1)
	m.mu.Unlock()
	b := newBench(t, m, func(c *Config) { c.Origin = origin; c.BackoffCap = 10 * time.Millisecond }) // after a restart nothing is in memory
	b.Activate()
	return b, []uint64{1, 2}
}

func TestAMessageThatJOBSLostIsReadFromKafkaAgain(t *testing.T) {
	t.Parallel()
	b, _ := damaged(t, kafka{has: map[int64]jobs.Envelope{0: {Topic: "t", Value: []byte("again")}}})
	if c := b.claim(t); string(c.Payload.Value) != "again" || c.Seq != 1 {
		t.Errorf("claimed %d with %q", c.Seq, c.Payload.Value)
	}
}

func TestAMessageThatIsLostForGoodFailsItsJobAndFreesItsKey(t *testing.T) {
	t.Parallel()
	b, seqs := damaged(t, kafka{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go b.Run(ctx) // the backoff between the looks
	if c := b.claim(t); c.Seq != seqs[1] {
		t.Fatalf("claimed %d", c.Seq)
	}
	job, err := b.memory.JobBySeq(seqs[0])
	if err != nil || job.State != jobs.Failed || !strings.Contains(job.Failure.Message, "lost") {
		t.Errorf("%s %v %v", job.State, job.Failure, err)
	}
	if _, err := b.memory.Payload(seqs[0]); err != nil {
		t.Errorf("nothing to report it with: %v", err)
	}
}

func TestWhileKafkaIsAwayAMessageIsNotTakenForLost(t *testing.T) {
	t.Parallel()
	b, seqs := damaged(t, kafka{away: true})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	go b.Run(ctx)
	if c, err := b.Claim(ctx, "w"); err == nil {
		t.Errorf("claimed %d", c.Seq)
	}
	if state := b.memory.state(seqs[0]); state != jobs.Queued {
		t.Errorf("state %s", state)
	}
}
