package ingest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"dispatcher/jobs"
	"dispatcher/store"
)

// Append and Last make the shelf a JOBS of submitted messages.
func (s *shelf) Append(_ context.Context, _ jobs.Partition, envs []jobs.Envelope, _ uint64) (seqs []uint64, err error) {
	for _, e := range envs {
		seq := uint64(len(s.places) + 1)
		s.places, seqs = append(s.places, place{seq, e}), append(seqs, seq)
	}
	return seqs, nil
}

func (s *shelf) Last(context.Context, jobs.Partition) (seq uint64, e jobs.Envelope, ok bool, err error) {
	for _, p := range s.places {
		if p.env.Submitted() {
			seq, e, ok = p.seq, p.env, true
		}
	}
	return seq, e, ok, nil
}

func TestSubmittedMessagesBecomeJobsOnceAlsoAfterACrash(t *testing.T) {
	t.Parallel()
	ledger, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "ledger")})
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	message := []byte(`{"message_type":"update_applied_control","selector":{"ref_id":"a"},"values":{"status":"active"}}`)
	by := jobs.AuditEntry{Operator: "o", Action: "submit", Reason: "why"}
	before := jobs.NewSubmission(nil, message, time.Now(), by)
	stream := &shelf{places: []place{at(1, 0, 0), {2, before}, at(3, 0, 1)}} // the process ended before the ledger had it
	s := NewSubmitter(SubmitterConfig{Stream: stream, Scheduler: taker{ledger: ledger}, Ledger: ledger, Jobs: jobs.Reader{Clock: time.Now}})
	fresh := jobs.NewSubmission([]byte("k"), message, time.Now(), by)
	broken := jobs.NewSubmission(nil, []byte("no json"), time.Now(), by)
	for range 2 { // handed over once more: nothing changes
		if err := s.Submit(t.Context(), []jobs.Envelope{fresh, broken}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []struct {
		env   jobs.Envelope
		key   string
		state jobs.State
	}{{before, "applied-controls?ref_id=a", jobs.Queued}, {fresh, "k", jobs.Queued}, {broken, "", jobs.Failed}} {
		job, err := ledger.Job(want.env.ID())
		if err != nil || !job.Submitted || job.State != want.state || job.Key != want.key {
			t.Errorf("%+v: %v", job, err)
		}
		if audit, err := ledger.Audit(job.Seq); err != nil || len(audit) != 1 || audit[0].Reason != "why" {
			t.Errorf("audit %v: %v", audit, err)
		}
	}
	if n := ledger.Counts().States[jobs.Queued]; n != 2 {
		t.Errorf("%d queued", n)
	}
	if state, _ := ledger.Partition(submitted); state.StreamSeq != 7 {
		t.Errorf("taken up to %d", state.StreamSeq)
	}
}
