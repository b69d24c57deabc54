package store

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dispatcher/jobs"
)

// TestALeaseIsKeptUntilItsAttemptEnds, over a restart; a job that has ended gets
// none.
func TestALeaseIsKeptUntilItsAttemptEnds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := open(t, path)
	in := intake(0, "a", "b", "c", "d")
	l.mustTake(t, in)
	var want []jobs.Leased
	for i, job := range in.Jobs {
		lease := jobs.Leased{Seq: job.Seq, Epoch: 7<<32 + uint64(i), Holder: "U/s", Worker: "w1@h/1", Objects: []string{"applied-controls/1", "x"}}
		if err := l.SetLease(t.Context(), lease); err != nil {
			t.Fatal(err)
		}
		want = append(want, lease)
	}
	if err := l.End(t.Context(), ended(*in.Jobs[0], jobs.Succeeded)); err != nil {
		t.Fatal(err)
	}
	if err := l.Update(t.Context(), *in.Jobs[1], nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := l.DropLease(in.Jobs[2].Seq); err != nil {
		t.Fatal(err)
	}
	if err := l.SetLease(t.Context(), want[0]); err == nil {
		t.Error("a job that has ended is leased")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, path)
	got, err := l.Leases()
	if diff := cmp.Diff(want[3:], got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestEachTermIsHigherThanAllBefore, over restarts.
func TestEachTermIsHigherThanAllBefore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	last := uint64(0)
	for range 3 {
		l := open(t, path)
		term, err := l.NextTerm(t.Context())
		if err != nil || term <= last {
			t.Errorf("term %d after %d: %v", term, last, err)
		}
		last = term
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
