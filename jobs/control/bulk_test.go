package control

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/embed"
	"dispatcher/jobs/schedule"
	"dispatcher/store"
)

// many is a desk on a ledger with failed jobs, some of one key, and a client of it.
type many struct {
	*Desk
	client    *Client
	ledger    *store.Ledger
	scheduler *schedule.Scheduler
}

func newMany(t *testing.T, n int) *many {
	t.Helper()
	dir := t.TempDir()
	ledger, err := store.Open(store.Options{Path: filepath.Join(dir, "ledger.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ledger.Close() })
	scheduler, err := schedule.New(schedule.Config{Ledger: ledger, Payloads: noJOBS{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := scheduler.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = scheduler.Close() })
	m := &many{Desk: &Desk{Ledger: ledger, Scheduler: scheduler}, ledger: ledger, scheduler: scheduler}
	m.fail(t, n)
	access := filepath.Join(dir, "control.json")
	server, err := embed.Start(embed.Config{StoreDir: filepath.Join(dir, "jobs"), AccessFile: access})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	if _, err := Serve(server.Conn(), m.Desk); err != nil {
		t.Fatal(err)
	}
	a, err := embed.ReadAccess(access)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := a.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	m.client = &Client{Conn: conn}
	return m
}

type noJOBS struct{ schedule.Payloads }

// fail brings in jobs that failed at once; every tenth has the key "same".
func (m *many) fail(t *testing.T, n int) {
	t.Helper()
	topic := jobs.Partition{Topic: "t"}
	for from := 0; from < n; from += jobs.MaxBatchMessages {
		in := jobs.Intake{Partition: topic, From: int64(from)}
		for i := from; i < min(n, from+jobs.MaxBatchMessages); i++ {
			env := jobs.Envelope{Topic: "t", Offset: int64(i), Value: []byte("{}")}
			job := &jobs.Job{
				ID: env.ID(), State: jobs.Failed, Type: jobs.TypeUpdateAppliedControl, Key: fmt.Sprint(i), Source: env.Source(),
				ReceivedAt: time.Now(), FinishedAt: time.Now(), Attempts: 1, Failure: jobs.Fail(jobs.CodeRejected, "no"),
			}
			if i%10 == 0 {
				job.Key = "same"
			}
			in.Jobs, in.Payloads, in.Next = append(in.Jobs, job), append(in.Payloads, env.Encode(nil)), int64(i+1)
		}
		if err := m.scheduler.Take(t.Context(), in, make([]jobs.Envelope, len(in.Jobs))); err != nil {
			t.Fatal(err)
		}
	}
}

var signedBy = Signed{Operator: "o", Reason: "r"}

func TestManyJobsAreRetriedInTheOrderOfTheirKeyAndCanceled(t *testing.T) {
	t.Parallel()
	const n, carriedOut = 3000, 300
	m := newMany(t, n)
	q := RetryQuery{Selection: Selection{Filter: jobs.Filter{Codes: []jobs.Code{jobs.CodeRejected}}, Signed: signedBy}}
	q.DryRun = true
	began := time.Now()
	if a, err := m.client.Retry(t.Context(), q, nil); err != nil || a.Matched != n || a.Changed != 0 || len(a.Sample) != sampleSize {
		t.Fatalf("dry run %d %d: %v", a.Matched, a.Changed, err)
	}
	q.DryRun = false
	if a, err := m.client.Retry(t.Context(), q, nil); err != nil || a.Matched != n || a.Changed != n {
		t.Fatalf("retry %d %d: %v", a.Matched, a.Changed, err)
	}
	t.Logf("dry run and retry of %d jobs took %s", n, time.Since(began))
	m.scheduler.Activate()
	last := uint64(0)
	for range carriedOut {
		c, err := m.scheduler.Claim(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		if c.Job.Key == "same" {
			if c.Seq < last {
				t.Errorf("job %d of the key after %d", c.Seq, last)
			}
			last = c.Seq
		}
		if err := m.scheduler.Finish(t.Context(), c.Lease, jobs.Outcome{Kind: jobs.OutcomeSucceeded, EndedAt: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	began = time.Now()
	if a, err := m.client.Cancel(t.Context(), CancelQuery{Selection{Signed: signedBy}}, nil); err != nil || a.Changed != n-carriedOut {
		t.Errorf("cancel %+v: %v", a, err)
	}
	t.Logf("cancel of the rest took %s", time.Since(began))
	if s := m.scheduler.Snapshot(); s.Unfinished != 0 {
		t.Errorf("%d unfinished", s.Unfinished)
	}
}

func TestABulkChangeGoesOnWhenItsClientHasGone(t *testing.T) {
	t.Parallel()
	const n = 1000
	m := newMany(t, n)
	ctx, leave := context.WithCancel(t.Context())
	slow := &slowly{Scheduler: m.scheduler, begun: make(chan struct{}), goOn: make(chan struct{})}
	m.Desk.Scheduler = slow
	gone := make(chan error)
	go func() {
		_, err := m.client.Retry(ctx, RetryQuery{Selection: Selection{Signed: signedBy}}, nil)
		gone <- err
	}()
	<-slow.begun
	leave()
	if err := <-gone; err == nil {
		t.Error("it left, and yet has an answer")
	}
	close(slow.goOn)
	for m.ledger.Counts().States[jobs.Queued] < n {
		if t.Context().Err() != nil {
			t.Fatal("it does not go on")
		}
		time.Sleep(5 * time.Millisecond) // between two looks
	}
}

// slowly waits in its first batch.
type slowly struct {
	Scheduler
	once        sync.Once
	begun, goOn chan struct{}
}

func (s *slowly) Reopen(ctx context.Context, list []jobs.Job, r schedule.Reopening) []error {
	s.once.Do(func() {
		close(s.begun)
		<-s.goOn
	})
	return s.Scheduler.Reopen(ctx, list, r)
}
