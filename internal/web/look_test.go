package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
)

func TestAMessageIsShownWithASessionOnlyAndAFileInItByItsSize(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if w := s.ask("GET", "/api/jobs/t-0-1?payload=1", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.ask("GET", "/api/jobs/t-0-1", ""); strings.Contains(w.Body.String(), "message") {
		t.Errorf("%s", w.Body)
	}
	s.enter()
	if w := s.ask("GET", "/api/jobs/t-0-1?payload=1", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "5000 characters of base64") || strings.Contains(w.Body.String(), "AAAA") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.ask("GET", "/api/jobs/t-9-9", ""); w.Code != http.StatusNotFound {
		t.Errorf("unknown: %d %s", w.Code, w.Body)
	}
}

func TestListsTakeTheFiltersOfTheCommandAndArePaged(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	w := s.ask("GET", "/api/jobs?state=failed&state=queued&code=no_match&type=&key=k&search=x&since=24h&before=9", "")
	q := s.listed
	if w.Code != http.StatusOK || len(q.Filter.States) != 2 || q.Filter.Codes[0] != jobs.CodeNoMatch || q.Filter.Types != nil || q.Filter.Keys[0] != "k" ||
		q.Filter.Search != "x" || !q.Filter.Since.Equal(s.now.Add(-24*time.Hour)) || q.Before != 9 || q.Limit != pageRows {
		t.Errorf("%d %s: %+v", w.Code, w.Body, q)
	}
	for _, wrong := range []string{"state=done", "code=x", "type=x", "since=yesterday", "before=-1", "limit=100000", "limit=x"} {
		name, _, _ := strings.Cut(wrong, "=")
		if w := s.ask("GET", "/api/jobs?"+wrong, ""); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), name) {
			t.Errorf("%s: %d %s", wrong, w.Code, w.Body)
		}
	}
}

func TestTheHistoryIsAnHourAtMost(t *testing.T) {
	t.Parallel()
	var h History
	now := time.Now()
	for i := range maxSamples + 5 {
		h.Ended(&jobs.Job{State: jobs.Succeeded})
		h.Ended(&jobs.Job{State: jobs.Failed})
		h.Ended(&jobs.Job{State: jobs.Canceled})
		h.add(&control.Stats{States: map[string]int{"queued": i, "running": 1}, OldestUnfinished: now.Add(-time.Minute), Ingest: []control.Ingest{{Lag: 2}, {Lag: 3}}}, now)
	}
	list := h.Samples()
	last := list[len(list)-1]
	if len(list) != maxSamples || last.Unfinished != maxSamples+5 || last.Succeeded != 1 || last.Failed != 1 || last.Lag != 5 || last.Oldest != 60 {
		t.Errorf("%d %+v", len(list), last)
	}
}
