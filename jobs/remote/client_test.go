package remote_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"dispatcher/jobs"
	"dispatcher/jobs/join"
	"dispatcher/jobs/remote"
	"dispatcher/jobs/schedule"
)

// desk is a scheduler that gives out what it is told to.
type desk struct {
	claims  chan *jobs.Claim
	standby atomic.Bool

	mu      sync.Mutex
	renewed int
	forgone []uint64
	steps   []jobs.Step
	done    map[uint64]jobs.Outcome
	refuse  error         // what is answered instead of taking an outcome
	empty   error         // why there is no job at once
	slow    time.Duration // what taking an outcome takes
	holds   map[string]string
}

func newDesk() *desk {
	return &desk{claims: make(chan *jobs.Claim, 10), done: make(map[uint64]jobs.Outcome), holds: make(map[string]string)}
}

func (d *desk) Lease(ctx context.Context, worker, holder string) (*jobs.Claim, error) {
	select {
	case c := <-d.claims:
		c.Job.Worker, c.Holder = worker, holder
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *desk) LeaseNow(_ context.Context, worker, holder string) (*jobs.Claim, error) {
	d.mu.Lock()
	err := d.empty
	d.mu.Unlock()
	select {
	case c := <-d.claims:
		c.Job.Worker, c.Holder = worker, holder
		return c, err
	default:
		return nil, err
	}
}

func (d *desk) RenewLeases(_ string, list []jobs.Lease, _ time.Duration) []schedule.Renewal {
	d.mu.Lock()
	defer d.mu.Unlock()
	answer := make([]schedule.Renewal, len(list))
	for i := range list {
		answer[i].Renewed = true
		d.renewed++
	}
	return answer
}

func (d *desk) Forgo(l jobs.Lease) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forgone = append(d.forgone, l.Seq)
}

func (d *desk) Lock(_ context.Context, _ jobs.Lease, objects []string) error {
	if slices.Contains(objects, "taken") {
		return jobs.ErrLocked
	}
	return nil
}

func (d *desk) Checkpoint(_ context.Context, _ jobs.Lease, steps []jobs.Step, _ bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.steps = append(d.steps, steps...)
	return nil
}

func (d *desk) Finish(_ context.Context, l jobs.Lease, o jobs.Outcome) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	time.Sleep(d.slow) // what the test asks for: the ledger waits for its disk
	if d.refuse != nil {
		return d.refuse
	}
	d.done[l.Seq] = o
	return nil
}

func (d *desk) Active() bool { return !d.standby.Load() }
func (d *desk) SetHold(h jobs.Hold) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.holds[string(h.Reason)+" "+h.Scope] = h.Message
	return true
}
func (d *desk) ClearHold(reason jobs.Reason, scope string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.holds, string(reason)+" "+scope)
	return true
}
func (d *desk) Joined(string) {}
func (d *desk) Left(string)   {}

func claimOf(seq uint64) *jobs.Claim {
	return &jobs.Claim{
		Lease: jobs.Lease{Seq: seq, ID: jobs.ID("t", 0, int64(seq), 0), Epoch: 7},
		Job:   jobs.Job{Type: jobs.TypeUpdateAppliedControl, Attempts: 3}, Resumed: true, Granted: []string{"a"},
		Payload: jobs.Envelope{Topic: "t", Offset: int64(seq), Value: []byte(`{"x":1}`), Timestamp: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)},
		Steps:   []jobs.Step{{Name: "s", State: jobs.StepDone, Result: []byte("[1]")}},
		LandsBy: time.Now().Add(time.Hour),
	}
}

// pair is a server and a client of it.
type pair struct {
	*gate
	desk     *desk
	client   *remote.Client
	boottime atomic.Int64
	cancel   context.CancelFunc
}

func newPair(t *testing.T, lease time.Duration) *pair {
	t.Helper()
	g := openListener(t)
	p := &pair{gate: g, desk: newDesk()}
	_, err := remote.Serve(t.Context(), g.Conn(), remote.ServerConfig{
		Scheduler: p.desk, Store: "s1", Lease: lease, Name: g.credentials.Name, Hears: g.Hears, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.boottime.Store(int64(time.Hour))
	p.client, err = remote.NewClient(remote.ClientConfig{
		Hosts: []join.File{g.files["w1"]}, Process: "h/1", Capacity: 2, Log: slog.New(slog.DiscardHandler),
		Uptime: func() time.Duration { return time.Duration(p.boottime.Load()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p.cancel = cancel
	var group sync.WaitGroup
	group.Go(func() { p.client.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	return p
}

func (p *pair) claim(t *testing.T, seq uint64) *jobs.Claim {
	t.Helper()
	p.desk.claims <- claimOf(seq)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := p.client.Claim(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// close ends the client when all its outcomes are delivered.
func (p *pair) close(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if left := p.client.Close(ctx); len(left) > 0 {
		t.Errorf("%v were not delivered", left)
	}
}

// TestAJobCrossesWholeAndIsReportedBack, a time that JSON cannot hold included.
func TestAJobCrossesWholeAndIsReportedBack(t *testing.T) {
	t.Parallel()
	p := newPair(t, time.Minute)
	c, want := p.claim(t, 5), claimOf(5)
	if c.ID != want.ID || string(c.Payload.Value) != string(want.Payload.Value) || !c.Payload.Timestamp.Equal(want.Payload.Timestamp) || c.Job.Attempts != 3 ||
		!c.Resumed || !slices.Equal(c.Granted, want.Granted) || len(c.Steps) != 1 || string(c.Steps[0].Result) != "[1]" || time.Until(c.LandsBy) < 59*time.Minute {
		t.Errorf("it is %+v", c)
	}
	if c.Job.Worker != "w1@h/1" {
		t.Errorf("the worker is %q", c.Job.Worker)
	}
	if err := p.client.Lock(t.Context(), c.Lease, []string{"taken"}); !errors.Is(err, jobs.ErrLocked) {
		t.Errorf("lock: %v", err)
	}
	if err := p.client.Lock(t.Context(), c.Lease, []string{"free"}); err != nil {
		t.Errorf("lock: %v", err)
	}
	if err := p.client.Checkpoint(t.Context(), c.Lease, want.Steps, true); err != nil || len(p.desk.steps) != 1 {
		t.Errorf("steps: %v", err)
	}
	o := jobs.Outcome{Kind: jobs.OutcomeFailed, Failure: jobs.Fail(jobs.CodeNoMatch, "nothing").WithStatus(404), Objects: []string{"x"}, EndedAt: time.Now()}
	if err := p.client.Finish(t.Context(), c.Lease, o); err != nil {
		t.Fatal(err)
	}
	if got := p.desk.done[5]; got.Kind != o.Kind || got.Failure.HTTPStatus != 404 || !slices.Equal(got.Objects, o.Objects) {
		t.Errorf("outcome %+v", got)
	}
	if err := p.client.Finish(t.Context(), c.Lease, o); !errors.Is(err, jobs.ErrStale) {
		t.Errorf("reported twice: %v", err)
	}
}

// TestALeaseEndsByAClockThatGoesOnWhileTheHostSleeps: nothing else has moved.
func TestALeaseEndsByAClockThatGoesOnWhileTheHostSleeps(t *testing.T) {
	t.Parallel()
	p := newPair(t, time.Hour)
	c := p.claim(t, 1)
	if !c.Valid() {
		t.Fatal("it is not valid at first")
	}
	p.boottime.Add(int64(53 * time.Minute))
	if !c.Valid() {
		t.Error("it ends too early")
	}
	p.boottime.Add(int64(2 * time.Minute))
	if c.Valid() {
		t.Error("it is valid in its last tenth, where the clocks may differ")
	}
	select {
	case <-c.Revoked.Done():
	case <-time.After(5 * time.Second):
		t.Error("its requests are not cut off")
	}
}

// TestALeaseIsRenewedAsLongAsTheRunHostAnswers.
func TestALeaseIsRenewedAsLongAsTheRunHostAnswers(t *testing.T) {
	t.Parallel()
	p := newPair(t, time.Second)
	c := p.claim(t, 1)
	begun := time.Now()
	for renewed := 0; renewed < 12; { // that is two leases
		p.boottime.Store(int64(time.Hour + time.Since(begun)))
		if !c.Valid() {
			t.Fatalf("it has ended after %s and %d renewals", time.Since(begun), renewed)
		}
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("%d renewals in 20s", renewed)
		}
		time.Sleep(5 * time.Millisecond) // between two looks
		p.desk.mu.Lock()
		renewed = p.desk.renewed
		p.desk.mu.Unlock()
	}
	p.Stop()
	for !time.Now().After(begun.Add(30*time.Second)) && c.Revoked.Err() == nil {
		p.boottime.Store(int64(time.Hour + time.Since(begun)))
		time.Sleep(5 * time.Millisecond) // between two looks
	}
	if c.Revoked.Err() == nil || c.Valid() {
		t.Error("it does not end without a run host")
	}
}

// TestAnOutcomeIsSentUntilItIsTaken, also one that was refused for a moment.
func TestAnOutcomeIsSentUntilItIsTaken(t *testing.T) {
	t.Parallel()
	p := newPair(t, time.Minute)
	c := p.claim(t, 9)
	p.desk.mu.Lock()
	p.desk.refuse = errors.New("the disk is full")
	p.desk.mu.Unlock()
	if err := p.client.Finish(t.Context(), c.Lease, jobs.Outcome{Kind: jobs.OutcomeSucceeded}); err != nil {
		t.Fatalf("it is not kept: %v", err)
	}
	p.desk.mu.Lock()
	p.desk.refuse = nil
	p.desk.mu.Unlock()
	p.close(t)
	if p.desk.done[9].Kind != jobs.OutcomeSucceeded {
		t.Error("it is not delivered")
	}
}

// TestTheNextJobComesWithTheAnswerToAnOutcome, whole; and if there is none, or it
// cannot be had, the outcome is taken all the same.
func TestTheNextJobComesWithTheAnswerToAnOutcome(t *testing.T) {
	t.Parallel()
	p := newPair(t, time.Minute)
	finish := func(c *jobs.Claim, kind jobs.OutcomeKind) *jobs.Claim {
		t.Helper()
		next, err := p.client.FinishNext(t.Context(), c.Lease, jobs.Outcome{Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		if p.desk.done[c.Seq].Kind != kind {
			t.Errorf("the outcome of %d was not taken", c.Seq)
		}
		return next
	}
	first, want := p.claim(t, 1), claimOf(2)
	p.desk.claims <- claimOf(2)
	second := finish(first, jobs.OutcomeSucceeded)
	if second == nil || second.ID != want.ID || string(second.Payload.Value) != string(want.Payload.Value) || !second.Valid() || second.Job.Worker != "w1@h/1" {
		t.Fatalf("the next job is %+v", second)
	}
	if next := finish(second, jobs.OutcomeSucceeded); next != nil {
		t.Errorf("there is none, but %+v came", next)
	}
	third := p.claim(t, 3)
	p.desk.mu.Lock()
	p.desk.empty = errors.New("the ledger cannot be read")
	p.desk.mu.Unlock()
	if next := finish(third, jobs.OutcomeSucceeded); next != nil {
		t.Errorf("it could not be had, but %+v came", next)
	}
	fourth := p.claim(t, 4)
	p.desk.claims <- claimOf(5)
	p.client.SetHold(jobs.Hold{Reason: jobs.HoldAPIDown})
	if next := finish(fourth, jobs.OutcomeReturned); next != nil {
		t.Errorf("a worker that stands still has got %+v", next)
	}
}

// TestNoJobComesWithAnAnswerThatTookTooLong: the worker has asked again meanwhile,
// and nobody would have it.
func TestNoJobComesWithAnAnswerThatTookTooLong(t *testing.T) {
	t.Parallel()
	p := newPair(t, time.Minute)
	c := p.claim(t, 1)
	p.desk.mu.Lock()
	p.desk.slow = 2500 * time.Millisecond // the ledger is full for a moment
	p.desk.mu.Unlock()
	p.desk.claims <- claimOf(2)
	if next, err := p.client.FinishNext(t.Context(), c.Lease, jobs.Outcome{Kind: jobs.OutcomeSucceeded}); err != nil || next != nil {
		t.Fatalf("%+v, %v", next, err)
	}
	p.close(t)
	if len(p.desk.claims) != 1 {
		t.Error("the next job was given to nobody")
	}
}

// TestAJobThatComesWhenNobodyWaitsIsGivenBack: the outcome was delivered late.
func TestAJobThatComesWhenNobodyWaitsIsGivenBack(t *testing.T) {
	t.Parallel()
	p := newPair(t, time.Minute)
	c := p.claim(t, 1)
	p.desk.mu.Lock()
	p.desk.refuse = errors.New("the disk is full")
	p.desk.mu.Unlock()
	if next, err := p.client.FinishNext(t.Context(), c.Lease, jobs.Outcome{Kind: jobs.OutcomeSucceeded}); err != nil || next != nil {
		t.Fatalf("it is not kept: %v", err)
	}
	p.desk.claims <- claimOf(2)
	p.desk.mu.Lock()
	p.desk.refuse = nil
	p.desk.mu.Unlock()
	p.close(t)
	if p.desk.done[1].Kind != jobs.OutcomeSucceeded || p.desk.done[2].Kind != jobs.OutcomeReturned {
		t.Errorf("outcomes %+v", p.desk.done)
	}
}

// TestAClaimThatNobodyWaitsForComesBack: the worker was killed, or told to end.
func TestAClaimThatNobodyWaitsForComesBack(t *testing.T) {
	t.Parallel()
	p := newPair(t, 30*time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := p.client.Claim(ctx, "")
		ended <- err
	}()
	// A poll of somebody who goes away without a word.
	gone := p.connect(t, "w2")
	poll := nats.NewMsg(join.WorkSubject + "." + public(t, p.files["w2"]) + ".claim")
	poll.Header.Set("Dispatcher-Work-Version", remote.Version)
	poll.Reply = gone.NewRespInbox()
	poll.Data = []byte(`{"session":"x","process":"h/2","poll":"1","wait_ns":5000000000}`)
	if _, err := gone.SubscribeSync(poll.Reply); err != nil {
		t.Fatal(err)
	}
	if err := gone.PublishMsg(poll); err != nil {
		t.Fatal(err)
	}
	if err := gone.Flush(); err != nil {
		t.Fatal(err)
	}
	gone.Close()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the claim ends with %v", err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for p.Hears(poll.Reply) && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond) // between two looks
	}
	p.desk.claims <- claimOf(1)
	for time.Now().Before(deadline) {
		p.desk.mu.Lock()
		n := len(p.desk.forgone)
		p.desk.mu.Unlock()
		if n == 1 {
			return
		}
		time.Sleep(time.Millisecond) // between two looks
	}
	t.Error("a job was given to somebody who is gone")
}

// TestWhatStandsStillAtAWorkerIsToldWithItsName, until it ends.
func TestWhatStandsStillAtAWorkerIsToldWithItsName(t *testing.T) {
	t.Parallel()
	p := newPair(t, time.Minute)
	p.client.SetHold(jobs.Hold{Reason: jobs.HoldAPIDown, Scope: "all", Message: "away"})
	p.client.SetHold(jobs.Hold{Reason: jobs.HoldPaused, Scope: "all", Message: "not for a worker to say"})
	told := func(want int) bool {
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			p.desk.mu.Lock()
			n, ok := len(p.desk.holds), p.desk.holds["api_down worker:w1@h/1"] == "away"
			p.desk.mu.Unlock()
			if n == want && ok == (want == 1) {
				return true
			}
		}
		return false
	}
	if !told(1) {
		t.Errorf("told are %v", p.desk.holds)
	}
	p.desk.claims <- claimOf(1)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if c, err := p.client.Claim(ctx, ""); err == nil {
		t.Errorf("it asks for %s although it could not carry it out", c.ID)
	}
	p.client.ClearHold(jobs.HoldAPIDown, "all")
	if !told(0) {
		t.Errorf("still told are %v", p.desk.holds)
	}
}

// TestAnotherVersionIsRefusedWithAWord.
func TestAnotherVersionIsRefusedWithAWord(t *testing.T) {
	t.Parallel()
	p := newPair(t, time.Minute)
	nc := p.connect(t, "w2")
	reply, err := nc.Request(join.WorkSubject+"."+public(t, p.files["w2"])+".renew", []byte("{}"), 5*time.Second)
	if err != nil || reply.Header.Get("Dispatcher-Error") != "version" || !strings.Contains(reply.Header.Get("Dispatcher-Error-Text"), "version") {
		t.Errorf("%v %v", reply, err)
	}
}
