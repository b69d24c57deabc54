package ciso

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

func TestLostRightsAreAHoldNotAThousandFailures(t *testing.T) {
	t.Parallel()
	clock := newClock()
	var rights atomic.Value
	var asked atomic.Int32
	rights.Store(`"view_appliedcontrol"`)
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/iam/current-user/") {
			asked.Add(1)
			answerJSON(w, 200, `{"email":"u@x","domain_permissions":{"f":["add_tactic",`+rights.Load().(string)+`]}}`)
			return
		}
		answerJSON(w, 200, `{"count":0,"results":[]}`)
	})
	c := s.client(t, clock.now)
	miss := func(n int) error {
		_, err := c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": fmt.Sprint(n)})
		return err
	}
	for n := range 3 * rightsMisses { // they are there: every one fails
		wantVerdict(t, miss(n), "no_match")
	}
	if asked.Load() != 1 {
		t.Errorf("the rights were looked at %d times", asked.Load())
	}
	rights.Store(`"add_event"`)
	clock.advance(rightsPause)
	var err error
	for n := range rightsMisses {
		err = miss(n)
	}
	wantVerdict(t, err, "hold auth")
	if !strings.Contains(err.Error(), "view_appliedcontrol") {
		t.Error(err)
	}
	wantVerdict(t, c.ProbeNow(t.Context()), "hold auth")
	rights.Store(`"view_appliedcontrol"`)
	wantVerdict(t, c.ProbeNow(t.Context()), "ok")
	wantVerdict(t, c.ProbeNow(t.Context()), "ok")
}

func TestTheSameSelectorAgainAndAgainSaysNothingAboutRights(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/iam/current-user/") {
			t.Error("the rights were looked at")
		}
		answerJSON(w, 200, `{"count":0,"results":[]}`)
	})
	c := s.client(t, nil)
	for range 2 * rightsMisses {
		_, err := c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": "x"})
		wantVerdict(t, err, "no_match")
	}
}

func TestTheRightARequestNeeds(t *testing.T) {
	t.Parallel()
	for want, r := range map[right]*request{
		"view_appliedcontrol":          {method: http.MethodGet, path: "/applied-controls/autocomplete/"},
		"change_requirementassessment": {method: http.MethodPatch, path: "/requirement-assessments/x/"},
		"add_evidencerevision":         {method: http.MethodPost, path: "/evidence-revisions/"},
		"add_evidence":                 {method: http.MethodPost, path: "/evidences/"},
		"change_appliedcontrol":        {method: http.MethodPost, path: "/applied-controls/batch-action/"},
	} {
		if got := r.right(); got != want {
			t.Errorf("%s %s needs %s, want %s", r.method, r.path, got, want)
		}
	}
}
