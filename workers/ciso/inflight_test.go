package ciso

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// served simulates clients that ask at once again, and a server that carries
// out so many requests at a time: n answers are taken, in simulated time.
func served(t *testing.T, f *inflight, workers int, service time.Duration, n int) {
	t.Helper()
	for range n {
		limit, _ := f.now()
		for range limit {
			if err := f.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		took := service * time.Duration(max(workers, limit)) / time.Duration(workers)
		for range limit {
			f.answered(1, took, true)
		}
	}
}

func TestTheLimitFindsWhatTheServerBears(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ workers, most, least, atMost int }{
		{3, 64, 3, 9},    // as CISO Assistant ships
		{64, 64, 64, 64}, // one that bears all
		{1000, 256, 256, 256},
		{1, 16, 1, 5},
		{3, 1, 1, 1},
	} {
		f := newInflight(c.most, time.Now)
		served(t, f, c.workers, 20*time.Millisecond, 200)
		if limit, _ := f.now(); limit < c.least || limit > c.atMost {
			t.Errorf("%d workers, at most %d: the limit is %d, want %d to %d", c.workers, c.most, limit, c.least, c.atMost)
		}
	}
}

func TestTheLimitFollowsAServerThatBecomesSlowAndQuickAgain(t *testing.T) {
	t.Parallel()
	f := newInflight(64, time.Now)
	served(t, f, 64, 20*time.Millisecond, 100)
	served(t, f, 4, 20*time.Millisecond, 100)
	if limit, _ := f.now(); limit > 12 {
		t.Errorf("the limit is %d with 4 workers left", limit)
	}
	served(t, f, 64, 20*time.Millisecond, 300)
	if limit, _ := f.now(); limit < 60 {
		t.Errorf("the limit is %d, though the server bears 64 again", limit)
	}
}

func TestUnderLoadForHoursTheLimitDoesNotCreepUp(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	f := newInflight(64, func() time.Time { return time.Unix(0, now.Load()) })
	for range 100 {
		served(t, f, 3, 20*time.Millisecond, 50)
		now.Add(int64(time.Minute))
	}
	if limit, _ := f.now(); limit > 9 {
		t.Errorf("the limit is %d after 100 minutes, the server has 3 workers", limit)
	}
}

func TestAServerAlwaysSlowIsNotTakenForOneThatIsBusy(t *testing.T) {
	t.Parallel()
	f := newInflight(64, time.Now)
	served(t, f, 64, 800*time.Millisecond, 100)
	if limit, _ := f.now(); limit != 64 {
		t.Errorf("the limit is %d", limit)
	}
}

func TestRequestsWithoutAnAnswerHalveTheLimit(t *testing.T) {
	t.Parallel()
	f := newInflight(64, time.Now)
	served(t, f, 64, 20*time.Millisecond, 100)
	for range 64 {
		if err := f.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 64 {
		f.unanswered()
	}
	if limit, used := f.now(); limit != 32 || used != 0 {
		t.Errorf("the limit is %d, in flight %d", limit, used)
	}
}

func TestWhoGivesUpWaitingLeavesNoPlaceTaken(t *testing.T) {
	t.Parallel()
	f := newInflight(1, time.Now)
	if err := f.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			if err := f.acquire(ctx); err == nil {
				f.answered(1, time.Millisecond, true)
			} else if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
	f.answered(1, time.Millisecond, true)
	group.Wait()
	if _, used := f.now(); used != 0 || len(f.waiting) != 0 {
		t.Errorf("in flight %d, waiting %d", used, len(f.waiting))
	}
	if err := f.acquire(t.Context()); err != nil {
		t.Error(err)
	}
}

// The limit holds over all requests of a client, and a request that hangs does
// not keep the probe away.
func TestMoreRequestsThanTheLimitAreNeverInFlight(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(2 * time.Millisecond)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"count":0,"next":null,"previous":null,"results":[]}`))
	})
	c := connect(t, Config{URL: s.URL, Credentials: token("t"), Concurrency: 3})
	var group sync.WaitGroup
	for range 24 {
		group.Go(func() {
			if _, err := c.send(t.Context(), &request{method: http.MethodGet, path: "/applied-controls/"}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if most.Load() > 3 || most.Load() < 2 {
		t.Errorf("%d requests were in flight at once, want at most 3", most.Load())
	}
}

// One object that hangs must not have all others wait until it is given up; nor may
// others be let in while answers come.
func TestWhoWaitsBehindARequestThatHangsIsLetInAfterAWhile(t *testing.T) {
	t.Parallel()
	f := newInflight(3, time.Now)
	f.silence = 20 * time.Millisecond
	if err := f.acquire(t.Context()); err != nil { // this one is never answered
		t.Fatal(err)
	}
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := f.acquire(ctx); err != nil {
			t.Fatalf("it waits for the one that hangs: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*f.silence)
	defer cancel()
	if err := f.acquire(ctx); err == nil {
		t.Error("more are in flight than may ever be")
	}
}

func TestWhileAnswersComeNobodyIsLetInBeyondTheLimit(t *testing.T) {
	t.Parallel()
	now := time.Now()
	f := newInflight(3, func() time.Time { return now }) // the last answer has only just come
	f.silence = time.Millisecond
	if err := f.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.heard = now
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := f.acquire(ctx); err == nil {
		t.Error("it was let in beside one that is only just in flight")
	}
}
