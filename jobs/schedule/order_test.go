package schedule

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dispatcher/jobs"
)

func TestJobsOfOneKeyRunOneAfterTheOther(t *testing.T) {
	t.Parallel()
	b := newBench(t, newMemory(), nil)
	seqs := b.feed(t, "a", "a", "b")
	first, other := b.claim(t), b.claim(t)
	if first.Seq != seqs[0] || other.Seq != seqs[2] {
		t.Fatalf("claimed %d and %d, want %d and %d", first.Seq, other.Seq, seqs[0], seqs[2])
	}
	b.none(t)
	if w, _ := b.Waiting(seqs[1]); w.Reason != jobs.WaitBehind || w.Behind != seqs[0] {
		t.Errorf("waiting: %+v", w)
	}
	b.finish(t, first, succeeded)
	if c := b.claim(t); c.Seq != seqs[1] {
		t.Errorf("claimed %d, want %d", c.Seq, seqs[1])
	}
}

func TestAFailedAttemptKeepsItsKeyWaitingUntilItsBudgetIsSpent(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, func(c *Config) { c.MaxAttempts = 3 })
	seqs := b.feed(t, "a", "a")
	for range 3 {
		c := b.claim(t)
		if c.Seq != seqs[0] {
			t.Fatalf("claimed %d before %d ended", c.Seq, seqs[0])
		}
		b.finish(t, c, retry())
	}
	job, _ := m.JobBySeq(seqs[0])
	if job.State != jobs.Failed || job.Failure.Code != jobs.CodeExhausted || job.Attempts != 3 {
		t.Errorf("state %s, failure %v, attempts %d", job.State, job.Failure, job.Attempts)
	}
	if n := len(m.attempts[seqs[0]]); n != 3 {
		t.Errorf("%d attempts recorded", n)
	}
	if c := b.claim(t); c.Seq != seqs[1] {
		t.Errorf("claimed %d, want %d", c.Seq, seqs[1])
	}
}

func TestAHoldSpendsNoAttemptAndStopsItsScopeOnly(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, nil)
	seqs := b.feed(t, "a", "b")
	c := b.claim(t)
	b.SetHold(jobs.Hold{Reason: jobs.HoldAPIDown, Scope: ScopeAll, Message: "away"})
	b.finish(t, c, jobs.Outcome{Kind: jobs.OutcomeHeld, Reason: jobs.HoldAPIDown})
	b.none(t)
	if w, _ := b.Waiting(seqs[0]); w.Reason != jobs.HoldAPIDown {
		t.Errorf("waiting: %+v", w)
	}
	b.ClearHold(jobs.HoldAPIDown, ScopeAll)
	c = b.claim(t)
	if job, _ := m.JobBySeq(c.Seq); job.Attempts != 0 {
		t.Errorf("attempts %d", job.Attempts)
	}
	b.SetHold(jobs.Hold{Reason: jobs.HoldPaused, Scope: TypeScope(jobs.TypeUploadAttachment)})
	b.finish(t, c, succeeded)
	b.finish(t, b.claim(t), succeeded)
}

func TestAJobThatNeedsS3IsParkedAloneWhileS3IsAway(t *testing.T) {
	t.Parallel()
	b := newBench(t, newMemory(), nil)
	seqs := b.feed(t, "a", "b")
	c := b.claim(t)
	b.SetHold(jobs.Hold{Reason: jobs.HoldS3Down, Scope: ScopeAll})
	b.finish(t, c, jobs.Outcome{Kind: jobs.OutcomeHeld, Reason: jobs.HoldS3Down})
	other := b.claim(t)
	if other.Seq != seqs[1] {
		t.Fatalf("claimed %d, want %d", other.Seq, seqs[1])
	}
	b.none(t)
	b.ClearHold(jobs.HoldS3Down, ScopeAll)
	if again := b.claim(t); again.Seq != seqs[0] {
		t.Errorf("claimed %d, want %d", again.Seq, seqs[0])
	}
}

func TestOneWriterPerObjectAllOrNothingInOrderOfAsking(t *testing.T) {
	t.Parallel()
	b := newBench(t, newMemory(), nil)
	b.feed(t, "a", "b", "c")
	a, bb, c := b.claim(t), b.claim(t), b.claim(t)
	if err := b.Lock(t.Context(), a.Lease, []string{"x", "y"}); err != nil {
		t.Fatal(err)
	}
	for _, waiter := range []struct {
		claim  *jobs.Claim
		wanted []string
	}{{bb, []string{"y", "z"}}, {c, []string{"z"}}} { // z is free, but b asked first
		if err := b.Lock(t.Context(), waiter.claim.Lease, waiter.wanted); !errors.Is(err, jobs.ErrLocked) {
			t.Fatalf("lock: %v", err)
		}
		b.finish(t, waiter.claim, jobs.Outcome{Kind: jobs.OutcomeLocked, Wanted: waiter.wanted})
	}
	b.none(t)
	b.finish(t, a, succeeded)
	again := b.claim(t)
	if again.Seq != bb.Seq || len(again.Granted) != 2 {
		t.Fatalf("claimed %d with %v", again.Seq, again.Granted)
	}
	b.none(t)
	if err := b.Lock(t.Context(), again.Lease, []string{"z", "y"}); err != nil {
		t.Errorf("lock what is granted: %v", err)
	}
	b.finish(t, again, succeeded)
	if last := b.claim(t); last.Seq != c.Seq {
		t.Errorf("claimed %d, want %d", last.Seq, c.Seq)
	}
}

func TestAnUnansweredWriteKeepsItsObjectFromOtherJobsOnly(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, func(c *Config) { c.Quarantine = 50 * time.Millisecond })
	b.feed(t, "a", "b")
	a, other := b.claim(t), b.claim(t)
	if err := b.Lock(t.Context(), a.Lease, []string{"x"}); err != nil {
		t.Fatal(err)
	}
	o := retry()
	o.Unanswered = []string{"x"}
	before := time.Now()
	b.finish(t, a, o)
	if err := b.Lock(t.Context(), other.Lease, []string{"x"}); !errors.Is(err, jobs.ErrLocked) {
		t.Fatalf("another job may write: %v", err)
	}
	b.finish(t, other, jobs.Outcome{Kind: jobs.OutcomeLocked, Wanted: []string{"x"}})
	own := b.claim(t)
	if own.Seq == a.Seq {
		if err := b.Lock(t.Context(), own.Lease, []string{"x"}); err != nil && !errors.Is(err, jobs.ErrLocked) {
			t.Fatal(err)
		}
		b.finish(t, own, succeeded)
		own = b.claim(t)
	}
	if waited := time.Since(before); own.Seq != other.Seq || waited < 50*time.Millisecond {
		t.Errorf("job %d had the object after %s", own.Seq, waited)
	}
	if len(m.Quarantine()) != 1 {
		t.Error("the quarantine is not in the ledger")
	}
}

func TestAJobKnowsUntilWhenItsUnansweredWriteMayLandAndCanWaitForThat(t *testing.T) {
	t.Parallel()
	m := newMemory()
	const quarantine = 100 * time.Millisecond
	b := newBench(t, m, func(c *Config) { c.Quarantine = quarantine })
	b.feed(t, "a")
	a := b.claim(t)
	if !a.LandsBy.IsZero() {
		t.Errorf("a first claim: %s", a.LandsBy)
	}
	o := retry()
	o.Unanswered = []string{"x"}
	before := time.Now()
	b.finish(t, a, o)
	again := b.claim(t)
	if until := again.LandsBy.Sub(before); until < quarantine {
		t.Errorf("it may land for %s", until)
	}
	b.finish(t, again, jobs.Outcome{Kind: jobs.OutcomeReturned, NotBefore: again.LandsBy})
	last := b.claim(t)
	if time.Now().Before(again.LandsBy) || !last.LandsBy.IsZero() || last.Job.Attempts != again.Job.Attempts {
		t.Errorf("claimed after %s, lands by %s, attempts %d", time.Since(before), last.LandsBy, last.Job.Attempts)
	}
}

func TestAStaleReportIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, nil)
	seqs := b.feed(t, "a")
	old := b.claim(t)
	b.finish(t, old, jobs.Outcome{Kind: jobs.OutcomeReturned})
	b.claim(t)
	for name, err := range map[string]error{
		"finish":     b.Finish(t.Context(), old.Lease, succeeded),
		"lock":       b.Lock(t.Context(), old.Lease, []string{"x"}),
		"checkpoint": b.Checkpoint(t.Context(), old.Lease, []jobs.Step{{Name: "s"}}, true),
	} {
		if !errors.Is(err, jobs.ErrStale) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m.state(seqs[0]).Ended() || len(m.steps[seqs[0]]) != 0 {
		t.Error("a stale report changed the job")
	}
}

func TestNothingIsGivenOutUnlessActive(t *testing.T) {
	t.Parallel()
	b := newBench(t, newMemory(), nil)
	seqs := b.feed(t, "a")
	b.Deactivate()
	b.none(t)
	if w, _ := b.Waiting(seqs[0]); w.Reason != jobs.WaitStandby {
		t.Errorf("waiting: %+v", w)
	}
	b.Activate()
	c := b.claim(t)
	b.Deactivate()
	b.Revoke()
	select {
	case <-c.Revoked.Done():
	default:
		t.Error("the running job was not told")
	}
	b.finish(t, c, jobs.Outcome{Kind: jobs.OutcomeReturned})
	if err := b.Drained(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheReadAheadIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t, newMemory(), func(c *Config) { c.MaxUnfinished = 2 })
	b.feed(t, "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.WaitRoom(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("there was room: %v", err)
	}
	c := b.claim(t)
	done := make(chan error, 1)
	go func() { done <- b.WaitRoom(t.Context()) }()
	b.finish(t, c, succeeded)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestReleasedJobsAreNotCarriedOutHere(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, nil)
	seqs := b.feed(t, "a", "a", "b")
	n, err := b.Release(t.Context(), jobs.Partition{Topic: "t"}, func(offset int64) bool { return offset != 1 })
	if err != nil || n != 2 {
		t.Fatalf("released %d: %v", n, err)
	}
	if c := b.claim(t); c.Seq != seqs[1] {
		t.Errorf("claimed %d, want %d", c.Seq, seqs[1])
	}
	b.none(t)
	if m.state(seqs[0]) != jobs.Released || m.state(seqs[2]) != jobs.Released {
		t.Error("not recorded as released")
	}
}

func TestAfterARestartEverythingUnfinishedRunsInOrder(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, nil)
	seqs := b.feed(t, "a", "a", "b", "c")
	b.finish(t, b.claim(t), retry())
	b.claim(t) // in hand when the process ends

	again := newBench(t, m, nil)
	again.Activate()
	var order []uint64
	for range seqs {
		c := again.claim(t)
		order = append(order, c.Seq)
		again.finish(t, c, succeeded)
	}
	position := map[uint64]int{}
	for i, seq := range order {
		position[seq] = i
	}
	if len(position) != len(seqs) || position[seqs[0]] > position[seqs[1]] {
		t.Errorf("order %v of %v", order, seqs)
	}
}

func TestAJobThatKillsTheProcessRunsAloneThenFails(t *testing.T) {
	t.Parallel()
	m := newMemory()
	slots := filepath.Join(t.TempDir(), "slots")
	use := func(c *Config) { c.SlotFile = slots }
	seqs := newBench(t, m, use).feed(t, "poison", "a")
	for crash := 1; crash <= 3; crash++ {
		b := newBench(t, m, use)
		b.Activate()
		var poison *jobs.Claim
		for poison == nil {
			c := b.claim(t)
			if c.Seq != seqs[0] {
				b.finish(t, c, succeeded)
				continue
			}
			poison = c
		}
		if err := b.Lock(t.Context(), poison.Lease, []string{"x"}); err != nil {
			t.Fatal(err)
		}
		if crash == 3 {
			b.feed(t, "later")
			b.none(t) // alone
		}
		_ = b.slots.close() // the process dies here
	}
	newBench(t, m, use)
	job, _ := m.JobBySeq(seqs[0])
	if job.State != jobs.Failed || job.Failure.Code != jobs.CodeCrashed {
		t.Errorf("state %s, failure %v", job.State, job.Failure)
	}
	if q := m.Quarantine(); len(q) != 1 || q[0].Object != "x" || q[0].Seq != seqs[0] {
		t.Errorf("quarantine %v", q)
	}
}

func TestAnOutcomeIsKeptUntilTheLedgerStoresIt(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, nil)
	seqs := b.feed(t, "a", "a")
	c := b.claim(t)
	m.fail(errors.New("no space left on device"))
	done := make(chan error, 1)
	go func() { done <- b.Finish(t.Context(), c.Lease, succeeded) }()
	b.none(t)
	m.fail(nil)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if m.state(seqs[0]) != jobs.Succeeded {
		t.Error("the outcome was lost")
	}
}

func TestPayloadsOfEndedJobsLeaveTheStreamAndAPinningOneMoves(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, func(c *Config) { c.MaxPinned = 5 })
	keys := []string{"stuck"}
	for i := range 20 {
		keys = append(keys, fmt.Sprint(i))
	}
	seqs := b.feed(t, keys...)
	stuck := b.claim(t)
	for range 20 {
		b.finish(t, b.claim(t), succeeded)
	}
	b.finish(t, stuck, jobs.Outcome{Kind: jobs.OutcomeReturned})
	for range 2 {
		if err := b.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.stream) != 0 {
		t.Errorf("%d payloads are still in the stream", len(m.stream))
	}
	if c := b.claim(t); c.Seq != seqs[0] || c.Payload.Offset != 0 {
		t.Errorf("claimed %d", c.Seq)
	}
}

func TestMessagesThatAreBornFailedLeaveTheStreamAlsoAfterARestart(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, nil)
	var envs []jobs.Envelope
	in := jobs.Intake{Partition: jobs.Partition{Topic: "t"}}
	for i := range 5 {
		env := jobs.Envelope{Topic: "t", Offset: int64(i)}
		m.stream[uint64(i)+1] = env
		envs = append(envs, env)
		in.Jobs = append(in.Jobs, &jobs.Job{State: jobs.Failed, Failure: jobs.Fail(jobs.CodeInvalidMessage, "x"), StreamSeq: uint64(i) + 1})
	}
	in.Next, in.StreamSeq = 5, 5
	if err := b.Take(t.Context(), in, envs); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*bench{"at once": b, "after a restart": newBench(t, m, nil)} {
		delete(m.purged, in.Partition)
		if err := s.Purge(t.Context()); err != nil || m.purged[in.Partition] != 6 {
			t.Errorf("%s: purged before %d, %v", name, m.purged[in.Partition], err)
		}
	}
}

func TestRetryIsSkippedWhenSupersededAndHasAFreshBudget(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, func(c *Config) { c.MaxAttempts = 1 })
	seqs := b.feed(t, "a", "b")
	b.finish(t, b.claim(t), retry())
	b.finish(t, b.claim(t), retry())
	newer := b.feed(t, "a")
	b.finish(t, b.claim(t), succeeded)

	old, _ := m.JobBySeq(seqs[0])
	if err := b.reopen(t, old, Reopening{}); !IsSkip(err) {
		t.Errorf("superseded by %d, yet: %v", newer[0], err)
	}
	if err := b.reopen(t, old, Reopening{Force: true}); err != nil {
		t.Error(err)
	}
	other, _ := m.JobBySeq(seqs[1])
	if err := b.reopen(t, other, Reopening{Audit: jobs.AuditEntry{Operator: "o"}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c := b.claim(t)
		if !c.Resumed || c.Job.Attempts != 1 || !c.Job.Reopened {
			t.Errorf("claim %+v", c.Job)
		}
		b.finish(t, c, succeeded)
	}
	if len(m.audits) != 2 {
		t.Errorf("%d audit entries", len(m.audits))
	}
}

// TestRandomWorkKeepsTheInvariants drives many workers with random outcomes
// and locks, and an operator who cancels, and checks: order per key, one writer
// per object, every job ends once.
func TestRandomWorkKeepsTheInvariants(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	m := newMemory()
	b := newBench(t, m, func(c *Config) { c.MaxAttempts = 1000; c.Quarantine = time.Millisecond; c.CacheBytes = 4 << 10 })
	const total = 600
	var keys []string
	for range total {
		keys = append(keys, fmt.Sprint("k", random.IntN(20)))
	}
	var mu sync.Mutex
	lastEnded, writers, ended := map[string]uint64{}, map[string]uint64{}, map[uint64]bool{}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	b.OnEnded(func(job *jobs.Job) {
		mu.Lock()
		defer mu.Unlock()
		if ended[job.Seq] {
			t.Errorf("job %d ended twice", job.Seq)
		}
		if ended[job.Seq] = true; len(ended) == total {
			cancel()
		}
	})
	seqs := b.feed(t, keys...)
	finished := make(chan struct{})
	work := func(worker int) {
		random := rand.New(rand.NewPCG(seed, uint64(worker)))
		for {
			c, err := b.Claim(ctx, fmt.Sprint("w", worker))
			if err != nil {
				return
			}
			objects := []string{fmt.Sprint("o", random.IntN(5)), fmt.Sprint("o", random.IntN(5))}
			if c.Granted != nil {
				objects = c.Granted
			}
			o := jobs.Outcome{StartedAt: time.Now(), EndedAt: time.Now()}
			err = b.Lock(ctx, c.Lease, objects)
			switch {
			case errors.Is(err, jobs.ErrLocked):
				o.Kind, o.Wanted = jobs.OutcomeLocked, objects
			case err != nil:
				t.Error(err)
				return
			default:
				mu.Lock()
				for _, name := range sortedNames(objects) {
					if writers[name] != 0 {
						t.Errorf("%s written by %d and %d at once", name, writers[name], c.Seq)
					}
					writers[name] = c.Seq
				}
				mu.Unlock()
				o.Kind = []jobs.OutcomeKind{jobs.OutcomeSucceeded, jobs.OutcomeRetry, jobs.OutcomeReturned}[random.IntN(3)]
				if o.Kind == jobs.OutcomeRetry {
					o.Failure = jobs.Fail(jobs.CodeRejected, "x")
					if random.IntN(3) == 0 {
						o.Unanswered = objects
					}
				}
				mu.Lock()
				for _, name := range objects {
					delete(writers, name)
				}
				if o.Kind == jobs.OutcomeSucceeded {
					if lastEnded[c.Job.Key] > c.Seq {
						t.Errorf("key %s: %d ended after %d", c.Job.Key, c.Seq, lastEnded[c.Job.Key])
					}
					lastEnded[c.Job.Key] = c.Seq
				}
				mu.Unlock()
			}
			if err := b.Finish(ctx, c.Lease, o); err != nil {
				t.Error(err)
				return
			}
			select {
			case finished <- struct{}{}:
			default:
			}
		}
	}
	operate := func() {
		random := rand.New(rand.NewPCG(seed, 99))
		for {
			select {
			case <-finished: // so that enough is left for the workers
			case <-ctx.Done():
				return
			}
			job, err := m.JobBySeq(seqs[random.IntN(total)])
			if err != nil {
				t.Error(err)
				return
			}
			if v := b.Cancel(ctx, []jobs.Job{job}, Cancellation{})[0]; v.Pending != nil {
				select {
				case <-v.Pending:
				case <-ctx.Done():
				}
				if job, _ := m.JobBySeq(job.Seq); !job.State.Ended() {
					t.Errorf("job %d is out of hand, and yet %s", job.Seq, job.State)
				}
			}
		}
	}
	var group sync.WaitGroup
	for worker := range 16 {
		group.Go(func() { work(worker) })
	}
	group.Go(operate)
	group.Wait()
	if len(ended) != total {
		t.Errorf("%d of %d jobs ended", len(ended), total)
	}
}
