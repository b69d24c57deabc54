package ciso

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

func patch(t testing.TB, c *Client, n int) error {
	t.Helper()
	id := fmt.Sprintf("%08x-0000-4000-8000-000000000000", n)
	return c.Update(t.Context(), AppliedControls, id, map[string]any{"status": "active"})
}

// brokenWrites answers every read with one row and every write with 500.
func brokenWrites(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPatch {
		answerHTML(w, 500)
		return
	}
	answerJSON(w, 200, `{"count":1,"results":[{"id":"`+controlID+`","ref_id":"a"}]}`)
}

func TestReadsThatWorkDoNotHideThatNoWriteDoes(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := newStub(t, brokenWrites)
	c := s.client(t, clock.now)
	var err error
	for n := range breakerObjects {
		if _, err := c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": "a"}); err != nil {
			t.Fatal(err)
		}
		err = patch(t, c, n)
	}
	wantVerdict(t, err, "hold api_down")
	wantVerdict(t, c.ProbeNow(t.Context()), "hold api_down")

	clock.advance(breakerPause)
	wantVerdict(t, c.ProbeNow(t.Context()), "ok")
	wantVerdict(t, patch(t, c, 99), "hold api_down") // one failure opens it again
	clock.advance(breakerPause)

	s.handle(func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, 200, `{"id":"`+r.URL.Path[len("/api/applied-controls/"):][:36]+`","status":"active"}`)
	})
	wantVerdict(t, patch(t, c, 99), "ok")
	s.handle(brokenWrites)
	wantVerdict(t, patch(t, c, 100), "transient") // closed: it takes several again
	wantVerdict(t, c.ProbeNow(t.Context()), "ok")
}

func TestFailuresLongApartDoNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := newStub(t, brokenWrites).client(t, clock.now)
	for n := range 3 * breakerObjects {
		wantVerdict(t, patch(t, c, n), "transient")
		clock.advance(breakerWindow/breakerObjects + 2*time.Second)
	}
}

func TestListsThatFailForDifferentSelectorsOpenTheBreaker(t *testing.T) {
	t.Parallel()
	c := newStub(t, func(w http.ResponseWriter, _ *http.Request) { answerHTML(w, 500) }).client(t, nil)
	var err error
	for n := range breakerObjects {
		_, err = c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": fmt.Sprint(n)})
	}
	wantVerdict(t, err, "hold api_down")
}

// TestOneProbeAnswersForAllWhoAskedBefore counts requests to build/.
func TestOneProbeAnswersForAllWhoAskedBefore(t *testing.T) {
	t.Parallel()
	var waiting sync.WaitGroup
	release := make(chan struct{})
	s := newStub(t, nil)
	c := s.client(t, nil)
	before := s.builds.Load()
	s.build.Store(500)
	c.http.Transport, c.direct = gated{c.http.Transport, release}, nil
	for range 20 {
		waiting.Go(func() { _ = c.ProbeNow(t.Context()) })
	}
	close(release)
	waiting.Wait()
	if n := s.builds.Load() - before; n < 1 || n > 20 {
		t.Fatalf("%d probes", n)
	}
	n := s.builds.Load()
	for range 5 {
		wantVerdict(t, c.Probe(t.Context()), "hold api_down")
	}
	if s.builds.Load() != n {
		t.Error("a bad answer of a moment ago is asked for again")
	}
}

// gated lets requests through once release is closed.
type gated struct {
	http.RoundTripper
	release chan struct{}
}

func (g gated) RoundTrip(r *http.Request) (*http.Response, error) {
	<-g.release
	return g.RoundTripper.RoundTrip(r)
}

// TestAGoodAnswerOfBeforeDoesNotExplainALaterFailure: an outage that begins
// between two probes must not cost an attempt.
func TestAGoodAnswerOfBeforeDoesNotExplainALaterFailure(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request) { answerHTML(w, 502) })
	c := s.client(t, nil)
	wantVerdict(t, c.Probe(t.Context()), "ok")
	s.build.Store(502)
	wantVerdict(t, patch(t, c, 1), "hold api_down")
}

func TestWhoWaitsForAProbeMayLeave(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := newStub(t, nil)
	c := s.client(t, nil)
	c.http.Transport, c.direct = gated{c.http.Transport, release}, nil
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.ProbeNow(ctx); err != context.Canceled {
		t.Errorf("%v", err)
	}
}
