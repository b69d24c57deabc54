package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"dispatcher/jobs"
)

func TestAChangeMustNameItsJobsAndSayWhy(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enter()
	for _, wrong := range []string{
		`{"reason":"x"}`, `{"ids":["t-0-1"]}`, `{"ids":["t-0-1"],"reason":"  "}`, `{"ids":["a"],"filter":"state=failed","reason":"x"}`,
		`{"ids":["a"],"all":true,"reason":"x"}`, `{"filter":"state=done","reason":"x"}`, `{"filter":"%zz","reason":"x"}`, `{"filter":"state=","reason":"x"}`,
		`{"ids":["a"],"reason":"` + strings.Repeat("x", maxReason+1) + `"}`, `{"id":"a","reason":"x"}`, `nonsense`, strings.Repeat(" ", maxBody+1) + `{}`,
	} {
		if w := s.ask("POST", "/api/retry", wrong); w.Code != http.StatusBadRequest {
			t.Errorf("%.80s: %d %s", wrong, w.Code, w.Body)
		}
	}
	if w := s.ask("POST", "/api/pause", `{"type":"x","reason":"x"}`); w.Code != http.StatusBadRequest {
		t.Errorf("an unknown type: %d %s", w.Code, w.Body)
	}
	if w := s.ask("POST", "/api/retry", `{"filter":"state=failed&code=no_match","dry_run":true}`); w.Code != http.StatusOK || !s.lastRetry().DryRun || s.lastRetry().Filter.Codes[0] != jobs.CodeNoMatch {
		t.Errorf("%d %s: %+v", w.Code, w.Body, s.lastRetry())
	}
}

func TestAChangeGoesOnWhenItsBrowserHasGone(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enter()
	s.hold = make(chan struct{})
	ctx, leave := context.WithCancel(t.Context())
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		s.ask("POST", "/api/retry", `{"all":true,"reason":"x"}`, func(r *http.Request) { *r = *r.WithContext(ctx) })
	}()
	for len(s.server.changes) == 0 { // until it is at work
		time.Sleep(time.Millisecond)
	}
	leave()
	<-answered
	close(s.hold)
	for deadline := time.Now().Add(10 * time.Second); s.lastRetry().Reason == ""; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it was given up")
		}
	}
}
