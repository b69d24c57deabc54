package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"dispatcher/jobs"
)

// failures takes n jobs and fails them, the first one unreported.
func (l *Ledger) failures(t *testing.T, n int, payload []byte) []*jobs.Job {
	t.Helper()
	in := intake(0, make([]string, n)...)
	for i := range in.Jobs {
		in.Jobs[i].Key = fmt.Sprint("k", i)
	}
	l.mustTake(t, in)
	for i, job := range in.Jobs {
		e := ended(*job, jobs.Failed)
		e.Payload = payload
		if err := l.End(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			l.deliver(t, job.Seq)
		}
	}
	return in.Jobs
}

func TestTrimForgetsMessagesThenRecordsTheOldestFirstAndNothingUnreported(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	list := l.failures(t, 4, []byte("payload"))
	for step, c := range []struct{ n, payloads, records int }{{2, 2, 4}, {1, 1, 4}, {2, 1, 2}, {1, 1, 1}, {0, 1, 1}} {
		if n, err := l.Trim(t.Context(), 2); n != c.n || err != nil {
			t.Fatalf("step %d: %d, %v", step, n, err)
		}
		payloads, records := 0, 0
		for _, job := range list {
			if _, err := l.Payload(job.Seq); err == nil {
				payloads++
			}
			if _, err := l.Job(job.ID); err == nil {
				records++
			}
		}
		if payloads != c.payloads || records != c.records {
			t.Errorf("step %d: %d payloads, %d records", step, payloads, records)
		}
	}
	if _, err := l.Payload(list[0].Seq); err != nil {
		t.Errorf("the one that is not reported: %v", err)
	}
	if n := l.Counts().States[jobs.Failed]; n != 1 {
		t.Errorf("%d are counted", n)
	}
}

func TestAFileThatIsMostlyFreeIsCompactedWhenItIsOpened(t *testing.T) {
	t.Parallel()
	o := Options{Path: filepath.Join(t.TempDir(), "ledger.db"), CompactAbove: 1 << 20}
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	list := l.failures(t, 20, bytes.Repeat([]byte("x"), 1<<20))
	used := l.Used()
	if n, err := l.Trim(t.Context(), 100); n != 19 || err != nil {
		t.Fatal(n, err)
	}
	if now := l.Used(); used < 20<<20 || now > 3<<20 {
		t.Errorf("%d bytes in use, %d afterwards", used, now)
	}
	counts := l.Counts()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(o); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Stat(o.Path); err != nil || info.Size() > 5<<20 {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
	if got := l.Counts(); fmt.Sprint(got) != fmt.Sprint(counts) {
		t.Errorf("%v instead of %v", got, counts)
	}
	if payload, err := l.Payload(list[0].Seq); err != nil || len(payload) != 1<<20 {
		t.Errorf("%d bytes of payload, %v", len(payload), err)
	}
	if _, err := Open(o); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
}
