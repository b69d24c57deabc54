package schedule

import (
	"testing"
	"time"

	"dispatcher/jobs"
)

// TestAJobWithoutAnyWorkerSaysThatItWaitsForOne, as long as nothing else keeps it.
func TestAJobWithoutAnyWorkerSaysThatItWaitsForOne(t *testing.T) {
	t.Parallel()
	b := leases(t, newMemory(), &clock{now: time.Now()})
	look := func(when string, unmanned, missed bool, reason jobs.Reason, waiting int, seq uint64) {
		t.Helper()
		if u, m := b.Unmanned(); u != unmanned || m != missed {
			t.Errorf("%s: unmanned %v, missed %v", when, u, m)
		}
		if n := b.Snapshot().Unmanned; n != waiting {
			t.Errorf("%s: %d jobs wait for a worker, not %d", when, n, waiting)
		}
		if w, _ := b.Waiting(seq); seq != 0 && w.Reason != reason {
			t.Errorf("%s: it waits for %q, not %q", when, w.Reason, reason)
		}
	}
	b.Activate()
	look("no job", true, false, "", 0, 0)
	seqs := b.feed(t, "k", "k", "l")
	look("no worker", true, true, jobs.WaitWorker, 2, seqs[0])
	if w, _ := b.Waiting(seqs[1]); w.Reason != jobs.WaitBehind {
		t.Errorf("the second of its key waits for %q", w.Reason)
	}
	b.SetHold(jobs.Hold{Reason: jobs.HoldPaused, Scope: ScopeAll})
	look("paused", true, false, jobs.HoldPaused, 0, seqs[0])
	b.ClearHold(jobs.HoldPaused, ScopeAll)
	b.Joined("a")
	look("a worker", false, false, "", 0, seqs[0])
	b.Left("a")
	look("it has gone", true, true, jobs.WaitWorker, 2, seqs[0])
	b.Deactivate()
	look("standing by", false, false, jobs.WaitStandby, 0, seqs[0])
}
