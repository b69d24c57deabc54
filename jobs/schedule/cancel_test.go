package schedule

import (
	"errors"
	"slices"
	"testing"
	"time"

	"dispatcher/jobs"
)

func (b *bench) cancel(t *testing.T, seqs ...uint64) []Verdict {
	t.Helper()
	var list []jobs.Job
	for _, seq := range seqs {
		job, err := b.memory.JobBySeq(seq)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, job)
	}
	return b.Cancel(t.Context(), list, Cancellation{Audit: jobs.AuditEntry{Operator: "o", Action: "cancel"}})
}

// out waits until a canceled job is out of hand.
func out(t *testing.T, v Verdict) {
	t.Helper()
	select {
	case <-v.Pending:
	case <-time.After(5 * time.Second):
		t.Fatal("it stays in hand")
	}
}

func TestACanceledJobFreesItsKeyWhateverItWaitedFor(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, func(c *Config) { c.BackoffBase, c.BackoffCap = time.Hour, time.Hour })
	seqs := b.feed(t, "ready", "backoff", "backoff", "locked", "locked", "parked", "parked", "behind", "behind")
	b.SetHold(jobs.Hold{Reason: jobs.HoldS3Down, Scope: ScopeAll})
	holder := b.claim(t) // "ready"
	if err := b.Lock(t.Context(), holder.Lease, []string{"x"}); err != nil {
		t.Fatal(err)
	}
	b.finish(t, b.claim(t), retry())
	b.finish(t, b.claim(t), jobs.Outcome{Kind: jobs.OutcomeLocked, Wanted: []string{"x"}})
	b.finish(t, b.claim(t), jobs.Outcome{Kind: jobs.OutcomeHeld, Reason: jobs.HoldS3Down})
	heads := []uint64{seqs[1], seqs[3], seqs[5], seqs[8]} // the last one is behind
	for i, v := range b.cancel(t, heads...) {
		if v.Err != nil || v.Pending != nil || m.state(heads[i]) != jobs.Canceled || !m.HasPayload(heads[i]) {
			t.Errorf("job %d: %+v, %s", heads[i], v, m.state(heads[i]))
		}
	}
	b.finish(t, holder, succeeded)
	for range 4 { // the next of each key, and the one before the canceled last
		c := b.claim(t)
		if !slices.Contains([]uint64{seqs[2], seqs[4], seqs[6], seqs[7]}, c.Seq) {
			t.Errorf("claimed %d", c.Seq)
		}
		b.finish(t, c, succeeded)
	}
	b.none(t)
	if v := b.cancel(t, seqs[0]); !IsSkip(v[0].Err) {
		t.Errorf("an ended job: %+v", v[0])
	}
	if s := b.Snapshot(); s.Unfinished != 0 {
		t.Errorf("%d unfinished", s.Unfinished)
	}
	if len(m.audits) != len(heads) {
		t.Errorf("%d audit entries", len(m.audits))
	}
}

func TestARunningJobIsCanceledBeforeItsNextStepAndKeepsWhatItDid(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, nil)
	seqs := b.feed(t, "a", "a", "b")
	c, other := b.claim(t), b.claim(t)
	v := append(b.cancel(t, seqs[0], seqs[2]), b.cancel(t, seqs[0])...)
	if !c.Canceled() || v[0].Pending == nil || m.state(seqs[0]) == jobs.Canceled {
		t.Fatalf("%+v", v[0])
	}
	b.finish(t, c, jobs.Outcome{Kind: jobs.OutcomeReturned, Steps: []jobs.Step{{Name: "resolve", State: jobs.StepDone}}, Objects: []string{"x"}})
	out(t, v[0])
	out(t, v[2]) // two operators
	job, _ := m.JobBySeq(seqs[0])
	if steps, _ := m.Steps(seqs[0]); job.State != jobs.Canceled || len(steps) != 1 || len(job.Objects) != 1 || job.Attempts != 0 || !m.HasPayload(seqs[0]) {
		t.Errorf("%+v, steps %v", job, steps)
	}
	b.finish(t, other, succeeded) // it was faster
	out(t, v[1])
	if m.state(seqs[2]) != jobs.Succeeded {
		t.Error(m.state(seqs[2]))
	}
	if next := b.claim(t); next.Seq != seqs[1] {
		t.Errorf("next of its key: %d", next.Seq)
	}
	if err := b.reopen(t, job, Reopening{}); err != nil {
		t.Errorf("a canceled job can be retried: %v", err)
	}
}

// TestAJobWhoseAttemptReportsWhileItIsBeingCanceledEnds: the wish comes when the
// outcome is already on its way.
func TestAJobWhoseAttemptReportsWhileItIsBeingCanceledEnds(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, func(c *Config) { c.BackoffBase, c.BackoffCap = time.Hour, time.Hour })
	seqs := b.feed(t, "a")
	c := b.claim(t)
	e, err := b.beginEnding(c.Lease)
	if err != nil {
		t.Fatal(err)
	}
	v := b.cancel(t, seqs[0])
	o := retry()
	o.StartedAt, o.EndedAt = time.Now(), time.Now()
	if err := b.postpone(t.Context(), e, o); err != nil {
		t.Fatal(err)
	}
	out(t, v[0])
	if m.state(seqs[0]) != jobs.Canceled {
		t.Error(m.state(seqs[0]))
	}
}

func TestWhatIsNotStoredIsNotCanceled(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, nil)
	seqs := b.feed(t, "a", "a")
	m.fail(errors.New("disk full"))
	if v := b.cancel(t, seqs...); v[0].Err == nil || v[1].Err == nil {
		t.Errorf("%+v", v)
	}
	m.fail(nil)
	for _, seq := range seqs {
		c := b.claim(t)
		if c.Seq != seq {
			t.Errorf("claimed %d, want %d", c.Seq, seq)
		}
		b.finish(t, c, succeeded)
	}
}

func TestRetriedJobsOfAKeyKeepTheirOrderAndGoBeforeNewerOnes(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, nil)
	failed := jobs.Outcome{Kind: jobs.OutcomeFailed, Failure: jobs.Fail(jobs.CodeRejected, "no")}
	seqs := b.feed(t, "a", "a", "a")
	for range seqs {
		b.finish(t, b.claim(t), failed)
	}
	b.Deactivate()
	newer := b.feed(t, "a")
	b.Deactivate()
	var list []jobs.Job
	for _, seq := range seqs {
		job, _ := m.JobBySeq(seq)
		list = append(list, job)
	}
	for i, err := range b.Reopen(t.Context(), list, Reopening{}) {
		if err != nil {
			t.Errorf("job %d: %v", i, err)
		}
	}
	b.Activate()
	for _, want := range append(seqs, newer...) {
		c := b.claim(t)
		if c.Seq != want {
			t.Errorf("claimed %d, want %d", c.Seq, want)
		}
		b.none(t) // the others of the key wait
		b.finish(t, c, succeeded)
	}
}
