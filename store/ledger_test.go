package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dispatcher/jobs"
)

var p0 = jobs.Partition{Topic: "observation"}

func open(t testing.TB, path string) *Ledger {
	t.Helper()
	l, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func newLedger(t testing.TB) *Ledger { return open(t, filepath.Join(t.TempDir(), "ledger.db")) }

func intake(from int64, keys ...string) jobs.Intake {
	in := jobs.Intake{Partition: p0, From: from}
	for i, key := range keys {
		offset := from + int64(i)
		in.Jobs = append(in.Jobs, &jobs.Job{
			ID: jobs.ID("observation", 0, offset, 0), State: jobs.Queued, Type: jobs.TypeUpdateAppliedControl, Key: key,
			Source: jobs.Source{Topic: "observation", Offset: offset, Timestamp: time.Unix(1700000000, 0).UTC()}, StreamSeq: uint64(offset) + 1,
			ReceivedAt: time.Unix(1700000001, 5).UTC(),
		})
	}
	in.Next, in.StreamSeq = from+int64(len(keys)), uint64(from)+uint64(len(keys))
	return in
}

func (l *Ledger) mustTake(t testing.TB, in jobs.Intake) []jobs.TakeResult {
	t.Helper()
	results, err := l.Take(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func ended(job jobs.Job, state jobs.State) jobs.Ending {
	job.State, job.FinishedAt, job.Attempts = state, time.Now().UTC(), 1
	e := jobs.Ending{Job: job}
	if state == jobs.Failed {
		e.Job.Failure = jobs.Fail(jobs.CodeNoMatch, "nothing").WithStatus(404)
		e.Payload = []byte("payload")
		e.Attempt = &jobs.Attempt{N: 1, Code: jobs.CodeNoMatch}
	}
	return e
}

func TestEverythingIsThereAfterReopening(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := open(t, path)
	in := intake(0, "a", "b", "c")
	l.mustTake(t, in)
	a, b := *in.Jobs[0], *in.Jobs[1]
	step := jobs.Step{Name: "resolve", State: jobs.StepDone, StartedAt: time.Unix(1, 0).UTC(), Result: []byte(`["x"]`)}
	if err := l.Checkpoint(t.Context(), a.Seq, []jobs.Step{step}, true); err != nil {
		t.Fatal(err)
	}
	done := ended(a, jobs.Failed)
	done.Steps = []jobs.Step{{Name: "patch/x", State: jobs.StepIntent}}
	if err := l.End(t.Context(), done); err != nil {
		t.Fatal(err)
	}
	if err := l.End(t.Context(), ended(b, jobs.Succeeded)); err != nil {
		t.Fatal(err)
	}
	counts, identity := l.Counts(), l.Identity()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	l = open(t, path)
	got, err := l.Job(a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(done.Job, got); diff != "" {
		t.Error(diff)
	}
	steps, _ := l.Steps(a.Seq)
	if len(steps) != 2 || steps[0].Name != "resolve" || steps[1].Name != "patch/x" {
		t.Errorf("steps %v", steps)
	}
	if attempts, _ := l.Attempts(a.Seq); len(attempts) != 1 {
		t.Errorf("attempts %v", attempts)
	}
	if diff := cmp.Diff(counts, l.Counts()); diff != "" || l.Identity() != identity {
		t.Errorf("identity %s, counts %s", l.Identity(), diff)
	}
	var open []string
	_ = l.Unfinished(func(j jobs.Job) error { open = append(open, j.ID); return nil })
	if diff := cmp.Diff([]string{in.Jobs[2].ID}, open); diff != "" {
		t.Error(diff)
	}
	if state, _ := l.Partition(p0); state.Cursor != 3 || state.StreamSeq != 3 {
		t.Errorf("partition %+v", state)
	}
}

func TestAFailedJobIsFinishedOnlyWhenItsErrorIsDelivered(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	if err := l.Begin(t.Context(), p0, 10, 1, nil); err != nil {
		t.Fatal(err)
	}
	in := intake(10, "a", "b", "c")
	l.mustTake(t, in)
	for i, state := range []jobs.State{jobs.Failed, jobs.Succeeded, jobs.Canceled} {
		if err := l.End(t.Context(), ended(*in.Jobs[i], state)); err != nil {
			t.Fatal(err)
		}
	}
	low, above := l.Watermark(p0)
	if low != 10 || !slices.Equal(above, []jobs.Interval{{From: 11, To: 12}}) {
		t.Errorf("low %d, above %v", low, above)
	}
	waiting, err := l.Outbox(jobs.Report{}, 10)
	if err != nil || len(waiting) != 1 {
		t.Fatalf("outbox %v: %v", waiting, err)
	}
	for range 2 { // a repeat changes nothing
		if err := l.Delivered(t.Context(), waiting); err != nil {
			t.Fatal(err)
		}
	}
	if low, above = l.Watermark(p0); low != 13 || len(above) != 0 || l.Counts().Outbox != 0 {
		t.Errorf("low %d, above %v, outbox %d", low, above, l.Counts().Outbox)
	}
}

func TestAKnownRecordIsNeverASecondJob(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	first := intake(0, "a", "b")
	l.mustTake(t, first)
	if err := l.End(t.Context(), ended(*first.Jobs[0], jobs.Succeeded)); err != nil {
		t.Fatal(err)
	}
	again := intake(0, "a", "b", "c")
	again.Jobs[1].StreamSeq = 99
	got := l.mustTake(t, again)
	if diff := cmp.Diff([]jobs.TakeResult{jobs.Duplicate, jobs.Reattached, jobs.Taken}, got); diff != "" {
		t.Error(diff)
	}
	if job, _ := l.JobBySeq(first.Jobs[1].Seq); job.StreamSeq != 99 || again.Jobs[1].Seq != first.Jobs[1].Seq {
		t.Errorf("job %+v", job)
	}
	if n := l.Counts().States[jobs.Queued]; n != 2 {
		t.Errorf("%d queued", n)
	}
}

func TestASecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	if _, err := Open(Options{Path: l.Path()}); !errors.Is(err, ErrInUse) {
		t.Errorf("open twice: %v", err)
	}
}

func TestADamagedFileIsRefusedByName(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := open(t, path)
	l.mustTake(t, intake(0, "a", "b", "c"))
	_ = l.Close()
	content, _ := os.ReadFile(path)
	for name, damage := range map[string]func([]byte) []byte{
		"meta pages": func(b []byte) []byte { clear(b[:8192]); return b },
		"truncated":  func(b []byte) []byte { return b[:4096] },
		"no ledger":  func([]byte) []byte { return []byte(strings.Repeat("no ledger ", 2000)) },
	} {
		broken := filepath.Join(t.TempDir(), "ledger.db")
		if err := os.WriteFile(broken, damage(slices.Clone(content)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Options{Path: broken}); err == nil || !strings.Contains(err.Error(), broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	record := encodeJob(&jobs.Job{ID: "x", State: jobs.Queued, Key: "k"}, nil)
	for i := range record {
		flipped := slices.Clone(record)
		flipped[i] ^= 4
		if _, _, err := decodeJob(1, flipped); err == nil {
			t.Fatalf("a flipped bit in byte %d is not noticed", i)
		}
	}
}

func TestRetentionForgetsInItsOrderButNeverWhatIsNotReported(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	in := intake(0, "a", "b", "c")
	l.mustTake(t, in)
	for i, state := range []jobs.State{jobs.Failed, jobs.Succeeded, jobs.Failed} {
		if err := l.End(t.Context(), ended(*in.Jobs[i], state)); err != nil {
			t.Fatal(err)
		}
	}
	l.deliver(t, in.Jobs[0].Seq)
	later := time.Now().Add(2 * time.Hour)
	if n, err := l.Expire(t.Context(), later, time.Hour, 3*time.Hour, 100); n != 1 || err != nil {
		t.Fatalf("forgot %d: %v", n, err)
	}
	if n, err := l.Expire(t.Context(), later, time.Hour, time.Hour, 100); n != 1 || err != nil {
		t.Fatalf("forgot %d: %v", n, err)
	}
	if _, err := l.Job(in.Jobs[0].ID); !errors.Is(err, jobs.ErrNoJob) {
		t.Errorf("forgotten job: %v", err)
	}
	if _, err := l.Job(in.Jobs[2].ID); err != nil {
		t.Errorf("unreported job: %v", err)
	}
}

func TestReopenedJobsKeepTheirStepsAndKnowNewerSuccess(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	in := intake(0, "a", "a")
	l.mustTake(t, in)
	failed := ended(*in.Jobs[0], jobs.Failed)
	failed.Steps = []jobs.Step{{Name: "resolve", State: jobs.StepDone}}
	if err := l.End(t.Context(), failed); err != nil {
		t.Fatal(err)
	}
	if _, ok := l.LastSuccess("a"); ok {
		t.Error("success before any")
	}
	if err := l.End(t.Context(), ended(*in.Jobs[1], jobs.Succeeded)); err != nil {
		t.Fatal(err)
	}
	if seq, ok := l.LastSuccess("a"); !ok || seq != in.Jobs[1].Seq {
		t.Errorf("last success %d %v", seq, ok)
	}
	job := failed.Job
	job.State, job.Reopened, job.Failure = jobs.Queued, true, nil
	for _, want := range []bool{true, false} { // a second time it is queued already
		done, err := l.Reopen(t.Context(), []jobs.Job{job}, false, jobs.AuditEntry{Operator: "o", Action: "retry"})
		if err != nil || done[0] != want {
			t.Fatalf("reopened %v: %v", done, err)
		}
	}
	if steps, _ := l.Steps(job.Seq); len(steps) != 1 {
		t.Errorf("steps %v", steps)
	}
	if audit, _ := l.Audit(job.Seq); len(audit) != 1 {
		t.Errorf("audit %v", audit)
	}
	if _, ok := l.LastSuccess("a"); ok {
		t.Error("the key has no failed job any more")
	}
	if err := l.End(t.Context(), ended(job, jobs.Succeeded)); err != nil {
		t.Fatal(err)
	}
}

func TestListIsNewestFirstAndPaged(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	var keys []string
	for i := range 25 {
		keys = append(keys, fmt.Sprint("k", i%5))
	}
	in := intake(0, keys...)
	l.mustTake(t, in)
	for i := 0; i < 25; i += 2 {
		if err := l.End(t.Context(), ended(*in.Jobs[i], []jobs.State{jobs.Succeeded, jobs.Failed}[i/2%2])); err != nil {
			t.Fatal(err)
		}
	}
	for name, f := range map[string]jobs.Filter{
		"all": {}, "failed": {States: []jobs.State{jobs.Failed}}, "code": {Codes: []jobs.Code{jobs.CodeNoMatch}},
		"key": {Keys: []string{"k1", "k2"}}, "type": {Types: []string{jobs.TypeUploadAttachment}}, "search": {Search: "-1"},
	} {
		var want, got []string
		for i := len(in.Jobs) - 1; i >= 0; i-- {
			if job, _ := l.Job(in.Jobs[i].ID); f.Match(&job) {
				want = append(want, job.ID)
			}
		}
		for before := uint64(0); ; {
			page, next, err := l.List(f, before, 4)
			if err != nil {
				t.Fatal(err)
			}
			for _, job := range page {
				got = append(got, job.ID)
			}
			if before = next; next == 0 {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestFinishedRunsEqualTheSetOfFinishedOffsets(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		var r runs
		r.add(jobs.Interval{From: -1, To: -1})
		var set [60]bool
		for range 40 {
			from := random.Int64N(60)
			to := min(59, from+random.Int64N(6))
			r.add(jobs.Interval{From: from, To: to})
			for i := from; i <= to; i++ {
				set[i] = true
			}
		}
		var got [60]bool
		for i, run := range r {
			if i > 0 && run.From <= r[i-1].To+1 {
				t.Fatalf("seed %d: runs touch: %v", seed, r)
			}
			for o := max(run.From, 0); o <= run.To; o++ {
				got[o] = true
			}
		}
		if got != set {
			t.Fatalf("seed %d: %v, want %v", seed, r, set)
		}
	}
}

// TestAcknowledgedWritesSurviveKill re-executes the test binary as a writer and
// kills it; what it had said to be stored must be there.
func TestAcknowledgedWritesSurviveKill(t *testing.T) {
	if path := os.Getenv("LEDGER_WRITER"); path != "" {
		writeUntilKilled(t, path)
		return
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	for round := range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=TestAcknowledgedWritesSurviveKill$")
		cmd.Env = append(os.Environ(), "LEDGER_WRITER="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var acked []string
		buffer := make([]byte, 64<<10)
		n := 0
		for len(acked) < 20*(round+1) {
			m, err := out.Read(buffer[n:])
			if err != nil {
				t.Fatalf("writer ended: %s", buffer[:n])
			}
			n += m
			acked = strings.Fields(string(buffer[:strings.LastIndexByte(string(buffer[:n]), '\n')+1]))
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		l := open(t, path)
		for _, id := range acked {
			if !strings.HasPrefix(id, "observation-") {
				continue
			}
			if job, err := l.Job(id); err != nil || job.State != jobs.Succeeded {
				t.Fatalf("round %d: %s was acknowledged: %v %v", round, id, job.State, err)
			}
		}
		_ = l.Close()
	}
}

func writeUntilKilled(t *testing.T, path string) {
	l := open(t, path)
	state, _ := l.Partition(p0)
	for offset := state.Cursor; ; offset += 3 {
		in := intake(offset, "a", "b", "c")
		l.mustTake(t, in)
		var group sync.WaitGroup
		for _, job := range in.Jobs {
			group.Go(func() {
				if err := l.End(context.Background(), ended(*job, jobs.Succeeded)); err == nil {
					fmt.Println(job.ID)
				}
			})
		}
		group.Wait()
	}
}

func FuzzDecodeJob(f *testing.F) {
	f.Add(encodeJob(&jobs.Job{ID: "x-0-1", State: jobs.Failed, Failure: jobs.Fail(jobs.CodeRejected, "m"), Objects: []string{"a"}}, []jobs.Step{{Name: "s"}}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if job, steps, err := decodeJob(1, raw); err == nil {
			if again, _, err := decodeJob(1, encodeJob(&job, steps)); err != nil || !cmp.Equal(job, again) {
				t.Errorf("%+v became %+v: %v", job, again, err)
			}
		}
	})
}

func BenchmarkTake500(b *testing.B) {
	l := newLedger(b)
	keys := make([]string, 500)
	for i := range keys {
		keys[i] = fmt.Sprint("applied-controls?ref_id=AC-", i)
	}
	b.ResetTimer()
	for i := range b.N {
		l.mustTake(b, intake(int64(i*500), keys...))
	}
	b.ReportMetric(float64(b.N*500)/b.Elapsed().Seconds(), "jobs/s")
}

func BenchmarkEnd64(b *testing.B) {
	l := newLedger(b)
	var all []*jobs.Job
	keys := make([]string, 500)
	for len(all) < b.N {
		in := intake(int64(len(all)), keys...)
		l.mustTake(b, in)
		all = append(all, in.Jobs...)
	}
	work := make(chan *jobs.Job, 64)
	var group sync.WaitGroup
	b.ResetTimer()
	for range 64 {
		group.Go(func() {
			for job := range work {
				if err := l.End(b.Context(), ended(*job, jobs.Succeeded)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for _, job := range all[:b.N] {
		work <- job
	}
	close(work)
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// TestEachFailureOfARetriedJobIsReportedAsItWas: Kafka was away when the job
// failed, was retried, and failed again.
func TestEachFailureOfARetriedJobIsReportedAsItWas(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	in := intake(0, "a")
	l.mustTake(t, in)
	first := ended(*in.Jobs[0], jobs.Failed)
	if err := l.End(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	waiting, err := l.Outbox(jobs.Report{}, 10) // on its way to Kafka
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%v %v", waiting, err)
	}
	job := first.Job
	job.State, job.Reopened, job.Failure = jobs.Queued, true, nil
	if _, err := l.Reopen(t.Context(), []jobs.Job{job}, false, jobs.AuditEntry{}); err != nil {
		t.Fatal(err)
	}
	if was, err := l.Ended(waiting[0]); err != nil || was.State != jobs.Failed || was.Failure == nil {
		t.Errorf("%+v %v", was, err)
	}
	second := ended(job, jobs.Failed)
	second.Job.FinishedAt = first.Job.FinishedAt.Add(time.Second)
	if err := l.End(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if err := l.Delivered(t.Context(), waiting); err != nil { // the first one
		t.Fatal(err)
	}
	rest, err := l.Outbox(jobs.Report{}, 10)
	if err != nil || len(rest) != 1 || rest[0] == waiting[0] || l.Counts().Outbox != 1 {
		t.Fatalf("%v wait, %d are counted: %v", rest, l.Counts().Outbox, err)
	}
	if now, err := l.Ended(rest[0]); err != nil || !now.FinishedAt.Equal(second.Job.FinishedAt) {
		t.Errorf("%+v %v", now, err)
	}
	if l.deliver(t, job.Seq); l.Counts().Outbox != 0 {
		t.Errorf("%d wait", l.Counts().Outbox)
	}
}

// deliver has Kafka acknowledge all that waits of a job.
func (l *Ledger) deliver(t *testing.T, seq uint64) {
	t.Helper()
	waiting, err := l.Outbox(jobs.Report{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	waiting = slices.DeleteFunc(waiting, func(r jobs.Report) bool { return r.Seq != seq })
	if err := l.Delivered(t.Context(), waiting); err != nil || len(waiting) == 0 {
		t.Fatalf("%v: %v", waiting, err)
	}
}
