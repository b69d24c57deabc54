package schedule

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"dispatcher/jobs"
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

func (b *bench) enough() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hasEnough()
}

func keys(n int, name func(i int) string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = name(i)
	}
	return list
}

func little(c *Config) { c.CacheBytes = 8 << 10 }

func TestWorkThatIsQuickIsNotTakenInFasterThanItEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), little)
		if b.quick(3 * paceAbove); b.waitRoom(t) != 0 {
			t.Error("it waits though memory is empty")
		}
		b.feed(t, keys(paceReady+100, strconv.Itoa)...)
		if waited := b.waitRoom(t); waited != paceMost {
			t.Errorf("nothing ends, and it waits %s, want %s", waited, paceMost)
		}
		done := make(chan time.Duration)
		go func() { done <- b.waitRoom(t) }()
		synctest.Wait()
		for claimed := 0; b.enough(); claimed++ {
			select {
			case <-done:
				t.Fatalf("it goes on when %d jobs have been claimed", claimed)
			default:
			}
			b.finish(t, b.claim(t), succeeded)
			synctest.Wait()
		}
		if waited := <-done; waited != 0 {
			t.Errorf("it waits for %s more when little can run", waited)
		}
	})
}

// What can run next may be far behind the jobs of one key, which wait for each other,
// or of a type that is held; and slow work does not gain by it.
func TestWorkIsKnownFarAheadUnlessThereIsEnough(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, b *bench){
		"slow": func(t *testing.T, b *bench) {
			b.feed(t, keys(paceReady+100, strconv.Itoa)...)
			b.quick(paceAbove - 1)
		},
		"one key": func(t *testing.T, b *bench) {
			b.feed(t, keys(paceReady+100, func(int) string { return "k" })...)
			b.quick(3 * paceAbove)
		},
		"a type that is held": func(t *testing.T, b *bench) {
			b.feed(t, keys(paceReady+100, strconv.Itoa)...)
			b.SetHold(jobs.Hold{Reason: jobs.HoldPaused, Scope: scopeOf + jobs.TypeUpdateAppliedControl})
			b.quick(3 * paceAbove)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, newMemory(), little)
			prepare(t, b)
			if waited := b.waitRoom(t); waited != 0 {
				t.Errorf("%s: it waits %s", name, waited)
			}
		})
	}
}
