package workers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
)

// startPool runs a pool whose jobs all do what workflow does. stop begins its
// end, and ended is closed behind it.
func startPool(t *testing.T, concurrency int, grace time.Duration, log *slog.Logger, workflow Workflow) (claims *fakeClaims, stop func(), ended chan struct{}) {
	t.Helper()
	claims = newClaims()
	stop, ended = runPool(t, workflow, PoolConfig{Claims: claims, Concurrency: concurrency, Grace: grace, Log: log})
	return claims, stop, ended
}

// runPool completes a configuration and runs a pool with it.
func runPool(t *testing.T, workflow Workflow, cfg PoolConfig) (stop func(), ended chan struct{}) {
	t.Helper()
	cfg.Name, cfg.Gate = "test", newGate(&fakeHolds{})
	cfg.Workflows = map[string]Workflow{jobs.TypeUpdateAppliedControl: workflow}
	pool, err := NewPool(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended = make(chan struct{})
	go func() {
		pool.Run(ctx)
		close(ended)
	}()
	return cancel, ended
}

const anUpdate = `{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"status":"active"}}`

func (f *fakeClaims) add(n int, message string) {
	for seq := range uint64(n) {
		id := fmt.Sprint("observation-0-", seq)
		f.queue <- &jobs.Claim{Lease: jobs.Lease{Seq: seq, ID: id}, Job: jobs.Job{ID: id, Type: typeOf(message)}, Payload: jobs.Envelope{Value: []byte(message)}}
	}
}

func (f *fakeClaims) outcome(seq uint64) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return describe(f.outcomes[seq])
}

func TestAPanicSpendsAnAttemptAndTheProcessLives(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	var log bytes.Buffer
	claims, stop, ended := startPool(t, 1, time.Second, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), func(context.Context, *Run) error {
		if n.Add(1) == 1 {
			panic("meant")
		}
		return nil
	})
	claims.add(2, anUpdate)
	<-claims.ended
	<-claims.ended
	stop()
	<-ended
	if claims.outcome(0) != "retry" || claims.outcome(1) != "succeeded" {
		t.Errorf("%s, %s", claims.outcome(0), claims.outcome(1))
	}
	if text := log.String(); !strings.Contains(text, "pool_test.go") || !strings.Contains(text, "panic=meant") {
		t.Errorf("the stack is not told: %s", text)
	}
}

func TestMessagesThatAreNoneFailAndRunNoWorkflow(t *testing.T) {
	t.Parallel()
	claims, stop, ended := startPool(t, 1, time.Second, nil, func(context.Context, *Run) error {
		t.Error("the workflow ran")
		return nil
	})
	claims.add(1, "not json")
	<-claims.ended
	if got := claims.outcome(0); got != "failed invalid_message" {
		t.Error(got)
	}
	claims.add(1, `{"message_type":"update_requirement_assessment","selector":{"id":"x"},"values":{"result":"compliant"}}`)
	<-claims.ended
	if got := claims.outcome(0); got != "failed unknown_type" {
		t.Error(got)
	}
	stop()
	<-ended
}

func TestNoMoreAttemptsRunThanAllowed(t *testing.T) {
	t.Parallel()
	var running, most atomic.Int32
	claims, stop, ended := startPool(t, 3, time.Second, nil, func(ctx context.Context, r *Run) error {
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer running.Add(-1)
		time.Sleep(time.Millisecond) // the work
		return nil
	})
	claims.add(60, anUpdate)
	for range 60 {
		<-claims.ended
	}
	stop()
	<-ended
	if most.Load() > 3 || most.Load() < 2 {
		t.Errorf("%d at a time", most.Load())
	}
}

func TestStoppingLetsAttemptsEndWithinTheGraceAndGivesTheRestBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := make(chan struct{}, 2)
		claims, stop, ended := startPool(t, 2, 10*time.Second, nil, func(ctx context.Context, r *Run) error {
			begun <- struct{}{}
			work := time.Second
			if r.ID == "observation-0-1" {
				work = time.Hour
			}
			select {
			case <-time.After(work):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		claims.add(2, anUpdate)
		<-begun
		<-begun
		stop()
		synctest.Wait()
		claims.queue <- &jobs.Claim{Lease: jobs.Lease{Seq: 99}, Payload: jobs.Envelope{Value: []byte(anUpdate)}}
		started := time.Now()
		<-ended
		if took := time.Since(started); took != 10*time.Second {
			t.Errorf("ended after %v", took)
		}
		if claims.outcome(0) != "succeeded" || claims.outcome(1) != "returned" {
			t.Errorf("%s, %s", claims.outcome(0), claims.outcome(1))
		}
		if len(claims.queue) != 1 {
			t.Error("something new was begun")
		}
	})
}

func TestARevokedAttemptEndsAtOnceAndIsGivenBack(t *testing.T) {
	t.Parallel()
	revoked, revoke := context.WithCancel(t.Context())
	begun := make(chan struct{})
	claims, stop, ended := startPool(t, 1, time.Second, nil, func(ctx context.Context, r *Run) error {
		close(begun)
		<-ctx.Done()
		return fmt.Errorf("request: %w", context.Cause(ctx))
	})
	claims.queue <- &jobs.Claim{Lease: jobs.Lease{Seq: 5}, Payload: jobs.Envelope{Value: []byte(anUpdate)}, Revoked: revoked}
	<-begun
	revoke()
	<-claims.ended
	if got := claims.outcome(5); got != "returned" {
		t.Error(got)
	}
	stop()
	<-ended
}

// TestTheEndOfASessionEndsItsAttemptsAndNoneOfTheNext: attempts of one session share
// what ends them.
func TestTheEndOfASessionEndsItsAttemptsAndNoneOfTheNext(t *testing.T) {
	t.Parallel()
	first, endFirst := context.WithCancel(t.Context())
	second, endSecond := context.WithCancel(t.Context())
	defer endSecond()
	begun := make(chan struct{}, 3)
	claims, stop, ended := startPool(t, 4, time.Minute, nil, func(ctx context.Context, r *Run) error {
		begun <- struct{}{}
		<-ctx.Done()
		return fmt.Errorf("request: %w", context.Cause(ctx))
	})
	claim := func(seq uint64, revoked context.Context) {
		claims.queue <- &jobs.Claim{Lease: jobs.Lease{Seq: seq}, Payload: jobs.Envelope{Value: []byte(anUpdate)}, Revoked: revoked}
		<-begun
	}
	claim(1, first)
	claim(2, first)
	claim(3, second)
	endFirst()
	<-claims.ended
	<-claims.ended
	if one, two, three := claims.outcome(1), claims.outcome(2), claims.outcome(3); one != "returned" || two != "returned" || three != "nothing" {
		t.Errorf("%s, %s and %s", one, two, three)
	}
	endSecond()
	<-claims.ended
	stop()
	<-ended
}

func TestOneSlowOutcomeDoesNotKeepTheAPIIdle(t *testing.T) {
	t.Parallel()
	slow := &slowFinish{fakeClaims: newClaims(), release: make(chan struct{})}
	pool, err := NewPool(PoolConfig{
		Claims: slow, Gate: newGate(&fakeHolds{}), Concurrency: 1, Grace: time.Second,
		Workflows: map[string]Workflow{jobs.TypeUpdateAppliedControl: func(context.Context, *Run) error { return nil }},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { pool.Run(ctx) })
	slow.add(2, anUpdate)
	<-slow.ended // the second, while the first is being stored
	close(slow.release)
	<-slow.ended
	stop()
	group.Wait()
}

// slowFinish stores the outcome of job 0 only when it is released.
type slowFinish struct {
	*fakeClaims
	release chan struct{}
}

func (s *slowFinish) Finish(ctx context.Context, lease jobs.Lease, o jobs.Outcome) error {
	if lease.Seq == 0 {
		<-s.release
	}
	return s.fakeClaims.Finish(ctx, lease, o)
}

// TestNoMoreJobsAreInHandThanTheSlotFileMarks: what is not marked is neither quarantined
// nor counted after a crash. Outcomes that wait for the disk are in hand, too.
func TestNoMoreJobsAreInHandThanTheSlotFileMarks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		claims := &endless{fakeClaims: newClaims(), release: make(chan struct{})}
		stop, ended := runPool(t, func(context.Context, *Run) error { return nil }, PoolConfig{Claims: claims, Concurrency: 1024, Grace: time.Second})
		synctest.Wait()
		if n := claims.given.Load(); n != mostInHand {
			t.Errorf("%d jobs are in hand, want %d", n, mostInHand)
		}
		stop()
		close(claims.release)
		<-ended
	})
}

// TestAMessageIsNotKeptWhileItsOutcomeIsStored: it may be large, and the disk may hang.
func TestAMessageIsNotKeptWhileItsOutcomeIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &slowFinish{fakeClaims: newClaims(), release: make(chan struct{})}
		claim, carriedOut := &jobs.Claim{Payload: jobs.Envelope{Value: []byte(anUpdate)}}, make(chan struct{})
		stop, ended := runPool(t, func(context.Context, *Run) error { close(carriedOut); return nil }, PoolConfig{Claims: slow, Concurrency: 1, Grace: time.Second})
		slow.queue <- claim
		<-carriedOut
		synctest.Wait()
		if claim.Payload.Value != nil {
			t.Errorf("%d bytes are kept", len(claim.Payload.Value))
		}
		close(slow.release)
		stop()
		<-ended
	})
}

// endless always has a job, and stores outcomes when it is released.
type endless struct {
	*fakeClaims
	given   atomic.Int64
	release chan struct{}
}

func (e *endless) Claim(ctx context.Context, _ string) (*jobs.Claim, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	e.given.Add(1)
	return &jobs.Claim{Job: jobs.Job{Type: jobs.TypeUpdateAppliedControl}, Payload: jobs.Envelope{Value: []byte(anUpdate)}}, nil
}

func (e *endless) Finish(context.Context, jobs.Lease, jobs.Outcome) error {
	<-e.release
	return nil
}

func TestRetriesAreToldOnceAndThenOnceAMinute(t *testing.T) {
	t.Parallel()
	clock := &stepClock{now: time.Unix(1700000000, 0)}
	var log bytes.Buffer
	pool, err := NewPool(PoolConfig{
		Claims: newClaims(), Gate: newGate(&fakeHolds{}), Concurrency: 1, Clock: clock.read, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Workflows: map[string]Workflow{jobs.TypeUpdateAppliedControl: func(context.Context, *Run) error {
			return jobs.Transient(500, 0, errors.New("HTTP 500"))
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	claim := &jobs.Claim{Payload: jobs.Envelope{Value: []byte(anUpdate)}}
	for range 5 {
		pool.attempt(t.Context(), claim)
	}
	clock.now = clock.now.Add(time.Minute)
	pool.attempt(t.Context(), claim)
	if text := log.String(); strings.Count(text, "attempt failed") != 2 || !strings.Contains(text, "others_since=4") || !strings.Contains(text, "HTTP 500") {
		t.Errorf("%s", text)
	}
}

func TestAHoldThatNobodyAsksAboutSpendsAnAttempt(t *testing.T) {
	t.Parallel()
	holds := &fakeHolds{}
	pool, err := NewPool(PoolConfig{
		Claims: newClaims(), Gate: newGate(holds), Concurrency: 1,
		Workflows: map[string]Workflow{jobs.TypeUpdateAppliedControl: func(context.Context, *Run) error {
			return jobs.Holding(jobs.HoldStoreFull, errors.New("no room"))
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if o := pool.attempt(t.Context(), &jobs.Claim{Payload: jobs.Envelope{Value: []byte(anUpdate)}}); describe(o) != "retry" || why(o) == "" || holds.has(jobs.HoldStoreFull) {
		t.Errorf("%s %s", describe(o), why(o))
	}
}

func TestAPoolWithoutWhatItNeedsIsRefused(t *testing.T) {
	t.Parallel()
	workflows := map[string]Workflow{"x": nil}
	for _, cfg := range []PoolConfig{
		{}, {Claims: newClaims(), Workflows: workflows, Concurrency: 1}, {Claims: newClaims(), Gate: &Gate{}, Concurrency: 1},
		{Claims: newClaims(), Gate: &Gate{}, Workflows: workflows},
	} {
		if _, err := NewPool(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}

// A request waits for its turn while others hang. A process that is stopped
// meanwhile must not send it when it goes on.
func TestNoRequestIsSentForASessionThatEndedWhileItWaitedForItsTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	w.api.AddControl(m{"ref_id": "foo", "name": "Foo"})
	claim := w.claim(`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"status":"active"}}`)
	lapsed := true
	claim.Lapsed = func() bool { return lapsed }
	before := len(w.api.Journal())
	if o := w.attempt(claim); o.Kind != jobs.OutcomeReturned {
		t.Errorf("it is %s, want it given back", describe(o))
	}
	if n := len(w.api.Journal()) - before; n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	lapsed = false
	if o := w.attempt(claim); o.Kind != jobs.OutcomeSucceeded {
		t.Errorf("then it is %s", describe(o))
	}
}
