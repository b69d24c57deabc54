package schedule

import (
	"sync/atomic"
	"testing"
	"time"
)

func TestNothingBeginsWhenTheSessionIsOver(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	b := newBench(t, newMemory(), func(c *Config) { c.Uptime = func() time.Duration { return time.Duration(clock.Load()) } })
	clock.Store(int64(time.Hour))
	b.feed(t, "a", "b", "c")
	b.none(t) // active, but no heartbeat was answered yet
	b.Renew(time.Hour + 6*time.Second)
	first := b.claim(t)
	if first.Lapsed() {
		t.Error("a claim is lapsed at once")
	}
	clock.Add(int64(6 * time.Second))
	b.none(t)
	if !first.Lapsed() {
		t.Error("its writes go on when the session is over")
	}
	b.Renew(time.Hour + 12*time.Second)
	if b.claim(t); first.Lapsed() {
		t.Error("an answered heartbeat does not let it go on")
	}
	b.Deactivate()
	b.Activate()
	b.none(t) // the proof was of the former session
}

func TestARenewedSessionWakesWhoeverWaits(t *testing.T) {
	t.Parallel()
	b := newBench(t, newMemory(), func(c *Config) { c.Uptime = func() time.Duration { return time.Second } })
	b.feed(t, "a")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = b.Claim(t.Context(), "w")
	}()
	for waits := 0; waits == 0; time.Sleep(time.Millisecond) {
		b.mu.Lock()
		waits = len(b.claimers)
		b.mu.Unlock()
	}
	b.Renew(time.Minute)
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("the job is not given out")
	}
}
