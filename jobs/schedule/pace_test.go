package schedule

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// waitRoom returns how long ingest waited before its next batch.
func (b *bench) waitRoom(t *testing.T) time.Duration {
	began := time.Now()
	if err := b.WaitRoom(t.Context()); err != nil {
		t.Error(err)
	}
	return time.Since(began)
}

// quick makes it look as if n jobs had ended in this second.
func (b *bench) quick(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rates.count(time.Now(), n)
}

func (b *bench) fitsNow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mayKeep()
}

func keys(n int) []string { return strings.Fields(strings.Repeat("k ", n)) }

func TestWorkThatIsQuickIsNotTakenInFasterThanItEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), func(c *Config) { c.CacheBytes = 8 << 10 })
		if b.quick(3 * paceAbove); b.waitRoom(t) != 0 {
			t.Error("it waits though memory is empty")
		}
		b.feed(t, keys(40)...) // twice as many as memory holds
		if waited := b.waitRoom(t); waited != paceMost {
			t.Errorf("nothing ends, and it waits %s, want %s", waited, paceMost)
		}
		done := make(chan time.Duration)
		go func() { done <- b.waitRoom(t) }()
		synctest.Wait()
		for claimed := 0; !b.fitsNow(); claimed++ {
			select {
			case <-done:
				t.Fatalf("it goes on when %d of 40 jobs have been claimed", claimed)
			default:
			}
			b.finish(t, b.claim(t), succeeded)
			synctest.Wait()
		}
		if waited := <-done; waited != 0 {
			t.Errorf("it waits for %s more when there is room in memory", waited)
		}
	})
}

// What is next may be far behind the jobs of one key, or of one type.
func TestWorkThatIsSlowIsKnownFarAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), func(c *Config) { c.CacheBytes = 8 << 10 })
		b.feed(t, keys(40)...)
		b.quick(paceAbove - 1)
		if waited := b.waitRoom(t); waited != 0 {
			t.Errorf("it waits %s", waited)
		}
	})
}
