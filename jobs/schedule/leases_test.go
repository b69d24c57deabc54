package schedule

import (
	"context"
	"errors"
	"testing"
	"time"

	"dispatcher/jobs"
)

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

func (b *bench) lease(t *testing.T, holder string) *jobs.Claim {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := b.Lease(ctx, holder, holder)
	if err != nil {
		t.Fatalf("lease: %v", err)
	}
	return c
}

// expire ends leases that are over, and waits for that.
func (b *bench) expire(t *testing.T) {
	t.Helper()
	b.endLeases(t.Context())
	deadline := time.Now().Add(5 * time.Second)
	for {
		b.mu.Lock()
		n := 0
		for e := range b.leased {
			if e.run.lease.ripping {
				n++
			}
		}
		b.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d leases do not end", n)
		}
		time.Sleep(time.Millisecond) // between two looks
	}
}

func leases(t *testing.T, m *memory, c *clock) *bench {
	return newBench(t, m, func(cfg *Config) {
		cfg.Clock, cfg.Lease, cfg.Quarantine = c.read, 10*time.Second, 100*time.Second
	})
}

func TestALeaseThatIsNotRenewedGivesItsJobToAnotherAndIsRefusedThen(t *testing.T) {
	t.Parallel()
	m, c := newMemory(), &clock{now: time.Now()}
	b := leases(t, m, c)
	b.feed(t, "k", "k")
	first := b.lease(t, "a")
	if err := b.Lock(t.Context(), first.Lease, []string{"o/1"}); err != nil {
		t.Fatal(err)
	}
	b.none(t) // the next of its key waits
	c.now = c.now.Add(9 * time.Second)
	if r := b.RenewLeases("a", []jobs.Lease{first.Lease}, time.Second); !r[0].Renewed {
		t.Fatalf("not renewed: %+v", r)
	}
	c.now = c.now.Add(9 * time.Second)
	b.expire(t)
	b.none(t)
	c.now = c.now.Add(2 * time.Second)
	b.expire(t)
	c.now = c.now.Add(time.Second)
	b.wake()
	second := b.lease(t, "b")
	if second.Seq != first.Seq || second.Epoch == first.Epoch || !second.Resumed || second.LandsBy.IsZero() {
		t.Errorf("the second claim is %+v", second)
	}
	for what, err := range map[string]error{
		"lock": b.Lock(t.Context(), first.Lease, []string{"o/1"}), "steps": b.Checkpoint(t.Context(), first.Lease, nil, true),
		"outcome": b.Finish(t.Context(), first.Lease, succeeded),
	} {
		if !errors.Is(err, jobs.ErrStale) {
			t.Errorf("%s of the lost lease: %v", what, err)
		}
	}
	if r := b.RenewLeases("a", []jobs.Lease{first.Lease}, time.Second); !r[0].Stale {
		t.Errorf("the lost lease is renewed: %+v", r)
	}
	if err := b.Lock(t.Context(), second.Lease, []string{"o/1"}); err != nil {
		t.Errorf("its own objects: %v", err)
	}
	b.finish(t, second, succeeded)
	third := b.lease(t, "b") // the next of the key, which may not have the object yet
	if err := b.Lock(t.Context(), third.Lease, []string{"o/1"}); !errors.Is(err, jobs.ErrLocked) {
		t.Errorf("an object that a late write may reach: %v", err)
	}
}

func TestALeaseThatIsAskedForNowWaitsForNothing(t *testing.T) {
	t.Parallel()
	m, c := newMemory(), &clock{now: time.Now()}
	b := leases(t, m, c)
	b.feed(t, "k", "k")
	first, err := b.LeaseNow(t.Context(), "a", "a")
	if err != nil || first == nil {
		t.Fatalf("%+v, %v", first, err)
	}
	if next, err := b.LeaseNow(t.Context(), "a", "a"); err != nil || next != nil {
		t.Errorf("the next of its key: %+v, %v", next, err)
	}
	b.finish(t, first, succeeded)
	if next, err := b.LeaseNow(t.Context(), "b", "b"); err != nil || next == nil || next.Seq == first.Seq {
		t.Errorf("%+v, %v", next, err)
	}
}

// TestOnlyTheHolderOfALeaseMayUseIt: whoever guesses its numbers may not.
func TestOnlyTheHolderOfALeaseMayUseIt(t *testing.T) {
	t.Parallel()
	b := leases(t, newMemory(), &clock{now: time.Now()})
	b.feed(t, "k")
	c := b.lease(t, "a")
	for _, holder := range []string{"b", ""} {
		stolen := c.Lease
		stolen.Holder = holder
		if err := b.Finish(t.Context(), stolen, succeeded); !errors.Is(err, jobs.ErrStale) {
			t.Errorf("%q may report: %v", holder, err)
		}
		if err := b.Lock(t.Context(), stolen, []string{"o"}); !errors.Is(err, jobs.ErrStale) {
			t.Errorf("%q may lock: %v", holder, err)
		}
	}
	if r := b.RenewLeases("b", []jobs.Lease{c.Lease}, time.Second); !r[0].Stale {
		t.Errorf("another may renew: %+v", r)
	}
	b.finish(t, c, succeeded)
}

// TestAProcessThatIsNotActiveProlongsNothing: another one may become active.
func TestAProcessThatIsNotActiveProlongsNothing(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Now()}
	b := leases(t, newMemory(), c)
	b.feed(t, "k")
	claim := b.lease(t, "a")
	b.Deactivate()
	c.now = c.now.Add(6 * time.Second)
	if r := b.RenewLeases("a", []jobs.Lease{claim.Lease}, time.Second); r[0].Renewed || r[0].Stale {
		t.Errorf("%+v", r)
	}
	c.now = c.now.Add(5 * time.Second)
	b.expire(t)
	if err := b.Drained(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Finish(t.Context(), claim.Lease, succeeded); !errors.Is(err, jobs.ErrStale) {
		t.Errorf("reported after its lease: %v", err)
	}
}

// TestAClaimThatItsHolderHasNeverSeenComesBackSoon, but not one with locks.
func TestAClaimThatItsHolderHasNeverSeenComesBackSoon(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Now()}
	b := leases(t, newMemory(), c)
	b.feed(t, "k1", "k2")
	lost, locked := b.lease(t, "a"), b.lease(t, "a")
	if err := b.Lock(t.Context(), locked.Lease, []string{"o"}); err != nil {
		t.Fatal(err)
	}
	b.RenewLeases("a", nil, 3*time.Second)
	b.none(t)
	c.now = c.now.Add(4 * time.Second)
	b.RenewLeases("a", nil, 3*time.Second)
	if again := b.lease(t, "b"); again.Seq != lost.Seq {
		t.Errorf("job %d is given out", again.Seq)
	}
	b.none(t)
	b.Forgo(locked.Lease)
	b.none(t)
	if err := b.Finish(t.Context(), lost.Lease, succeeded); !errors.Is(err, jobs.ErrStale) {
		t.Errorf("the lost claim: %v", err)
	}
}

// TestALeaseOutlivesTheProcessThatGaveIt: the next one waits for it, takes its
// report, and gives its objects to nobody else.
func TestALeaseOutlivesTheProcessThatGaveIt(t *testing.T) {
	t.Parallel()
	m, c := newMemory(), &clock{now: time.Now()}
	before := leases(t, m, c)
	before.feed(t, "k1", "k2", "k1", "k3")
	reported, silent, unlocked := before.lease(t, "a"), before.lease(t, "b"), before.lease(t, "a")
	for claim, object := range map[*jobs.Claim]string{reported: "o/1", silent: "o/2"} {
		if err := before.Lock(t.Context(), claim.Lease, []string{object}); err != nil {
			t.Fatal(err)
		}
	}
	c.now = c.now.Add(9 * time.Second) // the next process knows nothing of the clock of this one
	after := leases(t, m, c)
	if n := after.Snapshot().Running; n != 2 {
		t.Fatalf("%d are in hand", n)
	}
	after.Activate()
	// What had no locks is given out again; the second of k1 waits for the first.
	again := after.lease(t, "c")
	if again.Seq != unlocked.Seq || again.Epoch <= unlocked.Epoch {
		t.Errorf("%+v is given out, before %+v", again.Lease, unlocked.Lease)
	}
	after.none(t)
	if err := after.Lock(t.Context(), again.Lease, []string{"o/1"}); !errors.Is(err, jobs.ErrLocked) {
		t.Errorf("an object of a lease: %v", err)
	}
	after.finish(t, again, jobs.Outcome{Kind: jobs.OutcomeLocked, Wanted: []string{"o/1"}})
	failed := jobs.Outcome{Kind: jobs.OutcomeFailed, Failure: jobs.Fail(jobs.CodeRejected, "no")}
	after.finish(t, reported, failed)
	if kept := m.kept[reported.Seq]; len(kept) == 0 || m.state(reported.Seq) != jobs.Failed {
		t.Errorf("the report is not kept with its message: %d bytes", len(kept))
	}
	next := map[uint64]bool{after.lease(t, "c").Seq: true, after.lease(t, "c").Seq: true}
	if !next[again.Seq] || len(next) != 2 {
		t.Errorf("then %v are given out", next)
	}
	after.none(t)
	c.now = c.now.Add(11 * time.Second)
	after.RenewLeases("c", nil, time.Hour)
	after.expire(t)
	if m.state(silent.Seq) != jobs.Retrying {
		t.Errorf("the silent one is %s", m.state(silent.Seq))
	}
	if len(m.quarantine) != 1 || m.quarantine["o/2"].Seq != silent.Seq {
		t.Errorf("quarantine %v", m.quarantine)
	}
	if _, still := m.leases[reported.Seq]; still {
		t.Error("a lease that has ended is kept")
	}
}

// TestALostLeaseThatAnotherProcessHasFinishedIsReleased as any other job.
func TestALostLeaseThatAnotherProcessHasFinishedIsReleased(t *testing.T) {
	t.Parallel()
	m, c := newMemory(), &clock{now: time.Now()}
	before := leases(t, m, c)
	before.feed(t, "k")
	claim := before.lease(t, "a")
	if err := before.Lock(t.Context(), claim.Lease, []string{"o"}); err != nil {
		t.Fatal(err)
	}
	after := leases(t, m, c)
	n, err := after.Release(t.Context(), jobs.Partition{Topic: "t"}, func(int64) bool { return true })
	if err != nil || n != 1 || m.state(claim.Seq) != jobs.Released {
		t.Errorf("%d released, %v: %s", n, err, m.state(claim.Seq))
	}
	if after.Snapshot().Running != 0 || len(after.leased) != 0 {
		t.Error("it is still in hand")
	}
}

// TestAHoldOfOneWorkerConcernsItOnly, until there is none without.
func TestAHoldOfOneWorkerConcernsItOnly(t *testing.T) {
	t.Parallel()
	b := leases(t, newMemory(), &clock{now: time.Now()})
	b.Joined("a")
	b.Joined("b")
	hold := func(worker string) jobs.Hold {
		return jobs.Hold{Reason: jobs.HoldAPIDown, Scope: WorkerScope(worker), Message: "away"}
	}
	b.SetHold(hold("a"))
	if list := b.Blocking(); len(list) != 0 || len(b.Holds()) != 1 {
		t.Errorf("blocking %v", list)
	}
	seqs := b.feed(t, "k")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if c, err := b.Lease(ctx, "a", "a"); err == nil {
		t.Errorf("a gets %s", c.ID)
	}
	b.SetHold(hold("b"))
	if w, _ := b.Waiting(seqs[0]); w.Reason != jobs.HoldAPIDown || len(b.Blocking()) != 2 {
		t.Errorf("it waits for %q, blocking %v", w.Reason, b.Blocking())
	}
	b.ClearHold(jobs.HoldAPIDown, WorkerScope("b"))
	b.finish(t, b.lease(t, "b"), succeeded)
}

// TestAnUploadGoesToAWorkerThatReachesS3: that one does not is no reason to wait.
func TestAnUploadGoesToAWorkerThatReachesS3(t *testing.T) {
	t.Parallel()
	h := newHolds()
	h.set[holdKey{jobs.HoldS3Down, WorkerScope("a")}] = jobs.Hold{}
	if h.pass(jobs.TypeUploadAttachment, "a") || !h.pass(jobs.TypeUploadAttachment, "b") || !h.pass(jobs.TypeUpdateAppliedControl, "a") {
		t.Error("the wrong jobs are kept back")
	}
}

// TestAWorkerForWhomThereIsNothingKeepsNothingFromTheOthers, whoever has waited
// for longer.
func TestAWorkerForWhomThereIsNothingKeepsNothingFromTheOthers(t *testing.T) {
	t.Parallel()
	b := leases(t, newMemory(), &clock{now: time.Now()})
	b.SetHold(jobs.Hold{Reason: jobs.HoldAPIDown, Scope: WorkerScope("held")})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	waits := make(chan struct{})
	go func() {
		_, _ = b.Claim(ctx, "held") // in vain
		close(waits)
	}()
	got := make(chan *jobs.Claim, 1)
	for { // it waits first
		b.mu.Lock()
		n := len(b.claimers)
		b.mu.Unlock()
		if n == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	go func() {
		c, _ := b.Lease(t.Context(), "free", "free")
		got <- c
	}()
	for {
		b.mu.Lock()
		n := len(b.claimers)
		b.mu.Unlock()
		if n == 2 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	b.feed(t, "k")
	select {
	case c := <-got:
		if c == nil {
			t.Error("it gets nothing")
		}
	case <-time.After(5 * time.Second):
		t.Error("the other one gets nothing")
	}
	cancel()
	<-waits
}

// TestNoLeaseOutlivesTheSession: another process may be active after it.
func TestNoLeaseOutlivesTheSession(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Now()}
	var uptime time.Duration
	b := newBench(t, newMemory(), func(cfg *Config) {
		cfg.Clock, cfg.Lease, cfg.Uptime = c.read, 10*time.Second, func() time.Duration { return uptime }
	})
	b.feed(t, "k1", "k2")
	b.Scheduler.Renew(15 * time.Second)
	claim := b.lease(t, "a")
	uptime = 6 * time.Second // a lease from now on would outlive the session
	if r := b.RenewLeases("a", []jobs.Lease{claim.Lease}, time.Hour); r[0].Renewed || r[0].Stale {
		t.Errorf("%+v", r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if c, err := b.Lease(ctx, "b", "b"); err == nil {
		t.Errorf("%s is given out", c.ID)
	}
	b.Scheduler.Renew(30 * time.Second)
	if r := b.RenewLeases("a", []jobs.Lease{claim.Lease}, time.Hour); !r[0].Renewed {
		t.Errorf("%+v", r)
	}
	b.lease(t, "b")
}
