package schedule

import (
	"errors"
	"testing"
	"time"

	"dispatcher/jobs"
)

// TestAClaimThatIsStillBeingReadIsNobodysYet: the disk may be slow, or the message come
// from Kafka once more. Its holder cannot have lost it, and whoever guesses its numbers
// has nothing to report.
func TestAClaimThatIsStillBeingReadIsNobodysYet(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Now()}
	b := leases(t, newMemory(), c)
	b.feed(t, "k")
	who := &claimer{worker: "a", holder: "a"}
	b.mu.Lock()
	e := b.take(who)
	b.mu.Unlock()
	guessed := jobs.Lease{Seq: e.seq, Epoch: e.epoch, Holder: "a"}
	for what, err := range map[string]error{
		"outcome": b.Finish(t.Context(), guessed, succeeded), "lock": b.Lock(t.Context(), guessed, []string{"o"}),
	} {
		if !errors.Is(err, jobs.ErrStale) {
			t.Errorf("%s: %v", what, err)
		}
	}
	c.now = c.now.Add(4 * time.Second)
	b.RenewLeases("a", nil, 3*time.Second)
	b.Forgo(guessed)
	b.none(t)
	claim, err := b.begin(t.Context(), e, who)
	if err != nil {
		t.Fatal(err)
	}
	b.finish(t, claim, succeeded)
	if n := b.Snapshot().Running; n != 0 {
		t.Errorf("%d are in hand", n)
	}
}
