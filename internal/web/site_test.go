package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
)

// backend is a desk that remembers what it was asked.
type backend struct {
	control.Backend
	mu      sync.Mutex
	listed  control.ListQuery
	retried control.RetryQuery
	paused  control.PauseQuery
	changes chan control.Changes
	hold    chan struct{} // a retry waits for it, if it is not nil
}

func (b *backend) List(_ context.Context, q control.ListQuery) (control.ListPage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listed = q
	return control.ListPage{Jobs: []control.Job{{ID: "t-0-1", State: jobs.Failed}}, Next: 7}, nil
}

func (b *backend) Show(_ context.Context, q control.ShowQuery) (control.Detail, error) {
	if q.ID != "t-0-1" {
		return control.Detail{}, jobs.ErrNoJob
	}
	d := control.Detail{Job: control.Job{ID: q.ID, State: jobs.Failed}}
	if q.Payload {
		d.Message = json.RawMessage(`{"values":{"file_content":"` + strings.Repeat("A", 5000) + `","file_name":"x"}}`)
	}
	return d, nil
}

func (b *backend) Stats(context.Context) (control.Stats, error) {
	return control.Stats{Role: "active", States: map[string]int{"failed": 1}}, nil
}

func (b *backend) Watch(ctx context.Context, _ control.WatchQuery) (control.Changes, error) {
	select {
	case c := <-b.changes:
		return c, nil
	case <-ctx.Done():
		return control.Changes{}, ctx.Err()
	}
}

func (b *backend) Retry(ctx context.Context, q control.RetryQuery, told control.Progress) (control.Changed, error) {
	if b.hold != nil {
		<-b.hold
	}
	if ctx.Err() != nil {
		return control.Changed{}, ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.retried = q
	told(1, 2)
	return control.Changed{Matched: 2, Changed: 2, Skipped: []control.Skipped{}}, nil
}

func (b *backend) Pause(_ context.Context, q control.PauseQuery) (control.Paused, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.paused = q
	return control.Paused{Changed: true}, nil
}

func (b *backend) lastRetry() control.RetryQuery {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.retried
}

// site is a page with a browser that plays by its rules unless it is told otherwise.
type site struct {
	*backend
	t      *testing.T
	server *Server
	host   string
	remote string
	tls    bool
	cookie *http.Cookie
	token  string
	now    time.Time
}

func newSite(t *testing.T, change func(*Config)) *site {
	t.Helper()
	s := &site{backend: &backend{changes: make(chan control.Changes)}, t: t, host: "127.0.0.1:8642", remote: "127.0.0.1:5555", now: time.Now()}
	cfg := Config{Backend: s.backend, Version: "v1", Local: true, URL: "http://127.0.0.1:8642", Clock: func() time.Time { return s.now }}
	if change != nil {
		change(&cfg)
	}
	var err error
	if s.server, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	s.tls = cfg.TLS
	return s
}

// ask sends a request as the page does; change may spoil it.
func (s *site) ask(method, path, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	s.t.Helper()
	scheme := "http://"
	if s.tls {
		scheme = "https://"
	}
	r := httptest.NewRequest(method, scheme+s.host+path, strings.NewReader(body))
	r.RemoteAddr = s.remote
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method != http.MethodGet {
		r.Header.Set("Origin", scheme+s.host)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Dispatcher-Token", s.token)
	}
	if s.cookie != nil {
		r.AddCookie(s.cookie)
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	s.server.Handler().ServeHTTP(w, r)
	return w
}

// enter opens a session with a pass.
func (s *site) enter() {
	s.t.Helper()
	pass, err := s.server.Pass("anna@host")
	if err != nil {
		s.t.Fatal(err)
	}
	_, text, _ := strings.Cut(pass.URL, "#pass=")
	s.admitted(s.ask("POST", "/api/session", `{"pass":"`+text+`"}`))
}

func (s *site) admitted(w *httptest.ResponseRecorder) {
	s.t.Helper()
	var a account
	if w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &a) != nil || a.Token == "" {
		s.t.Fatalf("not let in: %d %s", w.Code, w.Body)
	}
	s.cookie, s.token = w.Result().Cookies()[0], a.Token
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) {
		if value == "" {
			r.Header.Del(name)
			return
		}
		r.Header.Set(name, value)
	}
}
