package schedule

import (
	"errors"
	"slices"
	"testing"

	"dispatcher/jobs"
)

// TestJobsWhoseReleaseIsNotStoredAreCarriedOutOrReleasedLater: the session ended in
// the middle, say. They used to be nobody's until the next start.
func TestJobsWhoseReleaseIsNotStoredAreCarriedOutOrReleasedLater(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, nil)
	b.feed(t, "a", "b", "c")
	b.Deactivate()
	all := func(int64) bool { return true }
	m.fail(errors.New("the session has ended"))
	if n, err := b.Release(t.Context(), jobs.Partition{Topic: "t"}, all); n != 0 || err == nil {
		t.Fatalf("released %d, %v", n, err)
	}
	m.fail(nil)
	n, err := b.Release(t.Context(), jobs.Partition{Topic: "t"}, func(offset int64) bool { return offset == 1 })
	if n != 1 || err != nil {
		t.Fatalf("released %d, %v", n, err)
	}
	b.Activate()
	var got []uint64
	for range 2 {
		c := b.claim(t)
		got = append(got, c.Seq)
		b.finish(t, c, succeeded)
	}
	if slices.Sort(got); !slices.Equal(got, []uint64{1, 3}) {
		t.Errorf("carried out: %v", got)
	}
	b.none(t)
}
