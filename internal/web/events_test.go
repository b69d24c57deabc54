package web

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dispatcher/jobs/control"
)

// listen reads a stream of events until it has one with a name.
func listen(t *testing.T, body io.Reader, wanted string) string {
	t.Helper()
	var all strings.Builder
	buffer := make([]byte, 4096)
	for {
		n, err := body.Read(buffer)
		all.Write(buffer[:n])
		if _, rest, ok := strings.Cut(all.String(), "event: "+wanted+"\n"); ok && strings.Contains(rest, "\n\n") {
			return rest
		}
		if err != nil {
			t.Fatalf("no %s: %v: %s", wanted, err, all.String())
		}
	}
}

func TestEventsTellWhatMovesToABoundedNumber(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	server := httptest.NewServer(s.server.Handler())
	defer server.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.server.Run(ctx)
	r, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/api/events", nil)
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%v %v", resp, err)
	}
	defer resp.Body.Close()
	s.changes <- control.Changes{Feed: "f"}
	listen(t, resp.Body, "hello")
	s.changes <- control.Changes{Feed: "f", Changes: []control.Change{{Job: control.Job{ID: "a"}}, {Job: control.Job{ID: "a"}}, {Job: control.Job{ID: "b"}}}}
	if got := listen(t, resp.Body, "jobs"); !strings.HasPrefix(got, `data: {"ids":["a","b"]}`) {
		t.Errorf("%s", got)
	}
	var more []chan event
	for range maxClients - 1 {
		stream, _, err := s.server.hub.join()
		if err != nil {
			t.Fatal(err)
		}
		more = append(more, stream)
	}
	if w := s.ask("GET", "/api/events", ""); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("one too many: %d %s", w.Code, w.Body)
	}
	for range backlog + 1 {
		s.server.hub.tell("x", 1)
	}
	for range backlog {
		<-more[0]
	}
	if _, ok := <-more[0]; ok {
		t.Error("who is too slow is not cut off")
	}
	stop()
	for _, stream := range more[1:] {
		for range stream { // until it is closed
		}
	}
}
