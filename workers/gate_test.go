package workers

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dispatcher/jobs"
)

// gateBubble runs a gate on fake time.
func gateBubble(t *testing.T, test func(t *testing.T, g *Gate, h *fakeHolds, log *bytes.Buffer)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		holds, log := &fakeHolds{}, &bytes.Buffer{}
		g := newGate(holds)
		g.Log = slog.New(slog.NewTextHandler(log, nil))
		ctx, stop := context.WithCancel(context.Background())
		var group sync.WaitGroup
		group.Go(func() { g.Run(ctx) })
		synctest.Wait()
		test(t, g, holds, log)
		stop()
		group.Wait()
	})
}

func down(reason jobs.Reason) error { return jobs.Holding(reason, errors.New("it is away")) }

func TestWorkGoesOnWithinFiveSecondsOfTheReturnHoweverLongTheOutage(t *testing.T) {
	gateBubble(t, func(t *testing.T, g *Gate, h *fakeHolds, _ *bytes.Buffer) {
		for _, outage := range []time.Duration{0, time.Second, 10 * time.Second, time.Hour} {
			back := time.Now().Add(outage)
			probes := 0
			g.Probe[jobs.HoldAPIDown] = func(context.Context) error {
				probes++
				if time.Now().Before(back) {
					return down(jobs.HoldAPIDown)
				}
				return nil
			}
			g.Hold(down(jobs.HoldAPIDown))
			if !h.has(jobs.HoldAPIDown) {
				t.Fatal("work goes on")
			}
			time.Sleep(outage + 5*time.Second)
			synctest.Wait()
			if h.has(jobs.HoldAPIDown) {
				t.Errorf("outage of %v: work stands still 5 s later", outage)
			}
			if most := int(outage/(2*time.Second)) + 6; probes > most {
				t.Errorf("outage of %v: %d probes", outage, probes)
			}
		}
	})
}

func TestManyHoldsMakeOneProbeAndOneLineAMinute(t *testing.T) {
	gateBubble(t, func(t *testing.T, g *Gate, h *fakeHolds, log *bytes.Buffer) {
		var asking, most atomic.Int32
		g.Probe[jobs.HoldAPIDown] = func(ctx context.Context) error {
			if n := asking.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer asking.Add(-1)
			time.Sleep(100 * time.Millisecond)
			return down(jobs.HoldAPIDown)
		}
		for range 100 {
			g.Hold(down(jobs.HoldAPIDown))
		}
		time.Sleep(10*time.Minute + 30*time.Second)
		synctest.Wait()
		if most.Load() != 1 {
			t.Errorf("%d probes at a time", most.Load())
		}
		first, later := strings.Count(log.String(), `"work stands still"`), strings.Count(log.String(), `"work still stands still"`)
		if first != 1 || later < 9 || later > 11 {
			t.Errorf("%d and %d lines", first, later)
		}
	})
}

// A hold that comes while its probe finds the party back must not be left
// without one.
func TestAHoldIsNeverLeftWithoutAProbe(t *testing.T) {
	t.Parallel()
	holds := &fakeHolds{}
	g := newGate(holds)
	g.Probe[jobs.HoldAPIDown] = func(context.Context) error { return nil }
	ctx, stop := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { g.Run(ctx) })
	g.hookedHold(200)
	eventually(t, func() bool { return !holds.has(jobs.HoldAPIDown) })
	stop()
	run.Wait()
}

// hookedHold sets holds as fast as probes clear them.
func (g *Gate) hookedHold(n int) {
	var group sync.WaitGroup
	for range n {
		group.Go(func() { g.Hold(down(jobs.HoldAPIDown)) })
		group.Go(func() { g.lift(jobs.HoldAPIDown, nil) })
	}
	group.Wait()
	g.Hold(down(jobs.HoldAPIDown))
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about")
		}
	}
}

func TestAHoldFromBeforeTheStartIsProbed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		holds := &fakeHolds{}
		g := newGate(holds)
		g.Probe[jobs.HoldAPIDown] = func(context.Context) error { return nil }
		g.Hold(down(jobs.HoldAPIDown))
		ctx, stop := context.WithCancel(context.Background())
		var group sync.WaitGroup
		group.Go(func() { g.Run(ctx) })
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if holds.has(jobs.HoldAPIDown) {
			t.Error("it was never asked")
		}
		stop()
		group.Wait()
		g.Hold(down(jobs.HoldAPIDown)) // behind the end: noted, not probed
		if !holds.has(jobs.HoldAPIDown) {
			t.Error("work goes on")
		}
	})
}

func TestAWrongLoginIsRepeatedAfterFiveMinutesOrAChangedSecret(t *testing.T) {
	gateBubble(t, func(t *testing.T, g *Gate, h *fakeHolds, _ *bytes.Buffer) {
		var logins []time.Duration
		started := time.Now()
		g.Probe[jobs.HoldAuth] = func(context.Context) error {
			logins = append(logins, time.Since(started))
			return down(jobs.HoldAuth)
		}
		var changed atomic.Bool
		g.SecretsChanged = func() bool { return changed.Swap(false) }
		g.Hold(down(jobs.HoldAuth))
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		if len(logins) != 2 || logins[0] < probeAuth {
			t.Errorf("logins %v", logins)
		}
		changed.Store(true)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if len(logins) != 3 {
			t.Errorf("after a changed secret: %v", logins)
		}
		if !h.has(jobs.HoldAuth) {
			t.Error("work goes on")
		}
	})
}

func TestAHoldTakesTheNameOfTheTroubleThatItsProbeFinds(t *testing.T) {
	gateBubble(t, func(t *testing.T, g *Gate, h *fakeHolds, _ *bytes.Buffer) {
		var answer atomic.Value
		answer.Store(down(jobs.HoldAuth))
		probe := func(context.Context) error { return answer.Load().(error) }
		g.Probe[jobs.HoldAPIDown] = probe
		g.Probe[jobs.HoldAuth] = probe
		g.Hold(down(jobs.HoldAPIDown))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if h.has(jobs.HoldAPIDown) || !h.has(jobs.HoldAuth) {
			t.Errorf("holds %v", h.set)
		}
		answer.Store(down(jobs.HoldAPIDown))
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if !h.has(jobs.HoldAPIDown) || h.has(jobs.HoldAuth) {
			t.Errorf("holds %v", h.set)
		}
	})
}

func TestOnlyHoldsThatCanBeLiftedAreSet(t *testing.T) {
	gateBubble(t, func(t *testing.T, g *Gate, h *fakeHolds, _ *bytes.Buffer) {
		for _, err := range []error{nil, errors.New("what"), down(jobs.HoldPaused)} {
			if g.Hold(err) {
				t.Errorf("%v holds work", err)
			}
		}
		if len(h.set) > 0 {
			t.Errorf("holds %v", h.set)
		}
	})
}
