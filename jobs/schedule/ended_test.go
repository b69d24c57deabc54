package schedule

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dispatcher/jobs"
)

func TestTheEndOfEveryJobIsToldOnce(t *testing.T) {
	t.Parallel()
	m := newMemory()
	slots := filepath.Join(t.TempDir(), "slots")
	var told []string
	hear := func(c *Config) *Scheduler {
		c.Ledger, c.Payloads, c.SlotFile = m, m, slots
		s, err := New(*c)
		if err != nil {
			t.Fatal(err)
		}
		s.OnEnded(func(job *jobs.Job) { told = append(told, job.ID+" "+job.State.String()) })
		if err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s
	}
	b := &bench{Scheduler: hear(&Config{}), memory: m}
	b.feed(t, "a")
	b.finish(t, b.claim(t), succeeded)
	now := time.Now()
	refused := &jobs.Job{
		ID: "t-0-1", State: jobs.Failed, Failure: jobs.Fail(jobs.CodeInvalidMessage, "no JSON"), Source: jobs.Source{Topic: "t", Offset: 1},
		StreamSeq: 2, ReceivedAt: now, FinishedAt: now,
	}
	in := jobs.Intake{Partition: jobs.Partition{Topic: "t"}, From: 1, Next: 2, Jobs: []*jobs.Job{refused}}
	if err := b.Take(t.Context(), in, []jobs.Envelope{{Topic: "t", Offset: 1}}); err != nil {
		t.Fatal(err)
	}
	b.offset = 2
	b.feed(t, "poison")
	for range crashesFatal { // the process dies with it in hand
		b.claim(t)
		_ = b.slots.close()
		b = &bench{Scheduler: hear(&Config{}), memory: m, offset: 3}
		b.Activate()
	}
	t.Cleanup(func() { _ = b.Close() })
	if want := []string{"t-0-0 succeeded", "t-0-1 failed", "t-0-2 failed"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
