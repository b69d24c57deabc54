package store

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestAWriteThatIsUnderWayIsWaitedForWhateverEnds: it takes place, and a caller that
// heard of its end only would know less than the file. A session of the group that
// ended meanwhile left jobs that nobody had in memory.
func TestAWriteThatIsUnderWayIsWaitedForWhateverEnds(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	busy, err := l.db.Begin(true) // no transaction can be stored
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	taken := make(chan error, 1)
	go func() {
		_, err := l.Take(ctx, intake(0, "a"))
		taken <- err
	}()
	time.Sleep(50 * time.Millisecond) // it queues its write, which nothing tells: sooner, the test proves less but does not fail
	end()
	select {
	case err := <-taken:
		t.Errorf("it says %v before it is known", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := busy.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Errorf("it was stored, and it says %v", err)
	}
	if _, err := l.JobBySeq(1); err != nil {
		t.Error(err)
	}
}

func TestAWriteToAClosedLedgerIsRefused(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for range 20 { // the queue has room still
		if _, err := l.Take(t.Context(), intake(0, "a")); !errors.Is(err, ErrClosed) {
			t.Fatalf("it says %v", err)
		}
	}
}
