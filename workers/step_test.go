package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"dispatcher/jobs"
)

// stepClock is a clock that tests move.
type stepClock struct{ now time.Time }

func (c *stepClock) read() time.Time { return c.now }

func newTestRun(claims Claims, clock func() time.Time, steps ...jobs.Step) *Run {
	r := newRun(&jobs.Claim{Lease: jobs.Lease{Seq: 1, ID: "observation-0-1"}, Steps: steps}, claims, clock, slog.New(slog.DiscardHandler))
	r.Message = &jobs.Message{Type: "test"}
	return r
}

func TestAStepRecordedAsDoneIsNotCarriedOutAgain(t *testing.T) {
	t.Parallel()
	type result struct{ ID string }
	claims := newClaims()
	first := newTestRun(claims, time.Now)
	got, err := Do(t.Context(), first, "a", func(context.Context) (result, error) { return result{"x"}, nil })
	if err != nil || got.ID != "x" {
		t.Fatalf("%v, %v", got, err)
	}
	second := newTestRun(claims, time.Now, first.outcome(t.Context(), nil).Steps...)
	fail := func(context.Context) (result, error) { return result{}, errors.New("carried out again") }
	if got, err := Do(t.Context(), second, "a", fail); err != nil || got.ID != "x" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestADamagedRecordIsAnErrorAndNoPanic(t *testing.T) {
	t.Parallel()
	r := newTestRun(newClaims(), time.Now, jobs.Step{Name: "a", State: jobs.StepDone, Result: []byte(`"text"`)})
	_, err := Do(t.Context(), r, "a", func(context.Context) (int, error) { return 1, nil })
	if err == nil || !strings.Contains(err.Error(), "recorded step a") {
		t.Errorf("%v", err)
	}
}

func TestTwoStepsOfOneNameAreAnError(t *testing.T) {
	t.Parallel()
	r := newTestRun(newClaims(), time.Now)
	one := func(context.Context) (int, error) { return 1, nil }
	if _, err := Do(t.Context(), r, "a", one); err != nil {
		t.Fatal(err)
	}
	if _, err := Do(t.Context(), r, "a", one); err == nil || !strings.Contains(err.Error(), `"a" comes twice`) {
		t.Errorf("Do: %v", err)
	}
	if _, err := DoOnce(t.Context(), r, "a", nil, one); err == nil {
		t.Error("DoOnce")
	}
	if _, err := Resolve(t.Context(), r, "a", one); err == nil {
		t.Error("Resolve")
	}
}

func TestACreatingStepHasItsIntentSyncedBeforeItAndLooksAfterACrash(t *testing.T) {
	t.Parallel()
	claims := newClaims()
	r := newTestRun(claims, time.Now)
	never := func(context.Context) (string, bool, error) {
		t.Error("a first try spends a look")
		return "", false, nil
	}
	create := func(context.Context) (string, error) {
		if !slices.Equal(claims.synced, []string{"create intent"}) {
			t.Errorf("synced before: %q", claims.synced)
		}
		return "id", nil
	}
	if got, err := DoOnce(t.Context(), r, "create", never, create); got != "id" || err != nil {
		t.Fatalf("%v, %v", got, err)
	}
	fail := func(context.Context) (string, error) { return "", errors.New("created again") }
	there := func(context.Context) (string, bool, error) { return "id", true, nil }
	resumed := newTestRun(claims, time.Now, claims.kept[1]...)
	if got, err := DoOnce(t.Context(), resumed, "create", there, fail); got != "id" || err != nil {
		t.Errorf("there: %v, %v", got, err)
	}
	again := newTestRun(claims, time.Now, claims.kept[1]...)
	missing := func(context.Context) (string, bool, error) { return "", false, nil }
	if _, err := DoOnce(t.Context(), again, "create", missing, fail); err == nil || err.Error() != "created again" {
		t.Errorf("not there: %v", err)
	}
	unclear := newTestRun(claims, time.Now, claims.kept[1]...)
	broken := func(context.Context) (string, bool, error) { return "", false, errors.New("cannot look") }
	if _, err := DoOnce(t.Context(), unclear, "create", broken, fail); err == nil || err.Error() != "cannot look" {
		t.Errorf("unclear: %v", err)
	}
}

func TestWhatMayStillLandIsNotCreatedAgain(t *testing.T) {
	t.Parallel()
	clock := &stepClock{now: time.Unix(1700000000, 0)}
	r := newTestRun(newClaims(), clock.read, jobs.Step{Name: "create", State: jobs.StepIntent})
	r.LandsBy = clock.now.Add(time.Minute)
	missing := func(context.Context) (string, bool, error) { return "", false, nil }
	_, err := DoOnce(t.Context(), r, "create", missing, func(context.Context) (string, error) {
		t.Error("created again")
		return "", nil
	})
	if o := r.outcome(t.Context(), err); o.Kind != jobs.OutcomeReturned || !o.NotBefore.Equal(r.LandsBy) {
		t.Errorf("outcome %+v of %v", o, err)
	}
	clock.now = r.LandsBy
	r.again()
	got, err := DoOnce(t.Context(), r, "create", missing, func(context.Context) (string, error) { return "id", nil })
	if got != "id" || err != nil {
		t.Errorf("after it: %v, %v", got, err)
	}
}

func TestIdempotentStepsAreFlushedByTimeAndByNumberAndTheLastRideWithTheOutcome(t *testing.T) {
	t.Parallel()
	clock := &stepClock{now: time.Unix(1700000000, 0)}
	claims := newClaims()
	r := newTestRun(claims, clock.read)
	step := func(n int, took time.Duration) {
		t.Helper()
		_, err := Do(t.Context(), r, fmt.Sprint("patch/", n), func(context.Context) (int, error) {
			clock.now = clock.now.Add(took)
			return n, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	clock.now = clock.now.Add(time.Hour) // a slow resolve is no reason
	if err := r.BeginWrites(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	step(0, time.Second)
	if claims.flushes != 0 {
		t.Errorf("a single write costs %d checkpoints", claims.flushes)
	}
	step(1, 0)
	if claims.flushes != 1 || len(claims.kept[1]) != 1 {
		t.Errorf("after a second: %d flushes, %d steps", claims.flushes, len(claims.kept[1]))
	}
	for n := 2; n <= 20; n++ {
		step(n, time.Millisecond)
	}
	if claims.flushes != 2 || len(claims.kept[1]) != 17 {
		t.Errorf("after 20: %d flushes, %d steps", claims.flushes, len(claims.kept[1]))
	}
	if o := r.outcome(t.Context(), nil); len(o.Steps) != 4 || len(claims.synced) != 0 {
		t.Errorf("outcome carries %d steps; synced %q", len(o.Steps), claims.synced)
	}
}

func TestWhatWasResolvedIsStoredOnlyWithAWriteAndPinnedBeforeIt(t *testing.T) {
	t.Parallel()
	resolve := func(context.Context) ([]string, error) { return []string{"a"}, nil }
	claims := newClaims()
	r := newTestRun(claims, time.Now)
	if _, err := Resolve(t.Context(), r, "resolve", resolve); err != nil {
		t.Fatal(err)
	}
	held := r.outcome(t.Context(), jobs.Holding(jobs.HoldAPIDown, errors.New("away")))
	if len(held.Steps) != 0 {
		t.Errorf("a hold before the first write stores %v", held.Steps)
	}
	if failed := r.outcome(t.Context(), jobs.Fail(jobs.CodeRejected, "no")); len(failed.Steps) != 1 {
		t.Errorf("a failure shows %v", failed.Steps)
	}
	if err := r.BeginWrites(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(claims.synced, []string{"resolve done"}) {
		t.Errorf("pinned: %q", claims.synced)
	}
	resumed := newTestRun(claims, time.Now, claims.kept[1]...)
	fail := func(context.Context) ([]string, error) { return nil, errors.New("resolved again") }
	if got, err := Resolve(t.Context(), resumed, "resolve", fail); err != nil || !slices.Equal(got, []string{"a"}) {
		t.Errorf("%v, %v", got, err)
	}
	if err := resumed.BeginWrites(t.Context(), true); err != nil || len(claims.synced) != 1 {
		t.Errorf("what is pinned is pinned again: %q, %v", claims.synced, err)
	}
}

func TestLocksAreAskedForOnceAndKnownWhenRefused(t *testing.T) {
	t.Parallel()
	claims := newClaims()
	claims.refuse["b"] = true
	r := newTestRun(claims, time.Now)
	err := r.Lock(t.Context(), []string{"b", "a", "b"})
	o := r.outcome(t.Context(), err)
	if o.Kind != jobs.OutcomeLocked || !slices.Equal(o.Wanted, []string{"a", "b"}) {
		t.Errorf("%s %v", describe(o), o.Wanted)
	}
	granted := newTestRun(claims, time.Now)
	granted.locked = []string{"a", "b", "c"}
	claims.refuse = nil
	if err := granted.Lock(t.Context(), []string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	if last := claims.locks[len(claims.locks)-1]; !slices.Equal(last, []string{"a", "b", "c"}) {
		t.Errorf("what was granted is given away: %v", last)
	}
}
