package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

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
	b.mu.Lock()
	defer b.mu.Unlock()
	b.retried = q
	told(1, 2)
	return control.Changed{Matched: 2, Changed: 2, Skipped: []control.Skipped{}}, ctx.Err()
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

func TestEverybodyOnLoopbackMayLook(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, path := range []string{"/", "/jobs", "/jobs/t-0-1", "/assets/app.js", "/assets/app.css", "/api/session", "/api/overview", "/api/jobs", "/api/jobs/t-0-1"} {
		if w := s.ask("GET", path, ""); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for _, host := range []string{"localhost:9999", "[::1]:8642", "127.0.0.1"} { // through a tunnel
		s.host = host
		if w := s.ask("GET", "/api/overview", ""); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", host, w.Code, w.Body)
		}
	}
}

func TestWhatIsNotOursIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"a foreign name (rebinding)": {func(r *http.Request) { r.Host = "evil.example:8642" }, http.StatusMisdirectedRequest},
		"a name that begins like it": {func(r *http.Request) { r.Host = "127.0.0.1.evil.example" }, http.StatusMisdirectedRequest},
		"an address of this network": {func(r *http.Request) { r.Host = "192.168.1.1:8642" }, http.StatusMisdirectedRequest},
		"from another host":          {func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1" }, http.StatusForbidden},
		"through a proxy":            {header("X-Forwarded-For", "192.0.2.1"), http.StatusForbidden},
		"through another proxy":      {header("Forwarded", "for=192.0.2.1"), http.StatusForbidden},
		"asked by another site":      {header("Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
		"asked by another port":      {header("Sec-Fetch-Site", "same-site"), http.StatusForbidden},
		"with another origin":        {header("Origin", "http://127.0.0.1:9999"), http.StatusForbidden},
		"with no origin to speak of": {header("Origin", "null"), http.StatusForbidden},
	} {
		if w := s.ask("GET", "/api/overview", "", c.change); w.Code != c.want {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestToActTakesASessionItsTokenAndTheOrigin(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	const body = `{"ids":["t-0-1"],"reason":"mended"}`
	if w := s.ask("POST", "/api/retry", body); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "dispatcher jobs web") {
		t.Errorf("without a session: %d %s", w.Code, w.Body)
	}
	s.enter()
	for name, change := range map[string]func(*http.Request){
		"no token":          header("X-Dispatcher-Token", ""),
		"a wrong token":     header("X-Dispatcher-Token", "x"),
		"no origin":         header("Origin", ""),
		"another origin":    header("Origin", "http://localhost:8642"),
		"another scheme":    header("Origin", "https://127.0.0.1:8642"),
		"another site":      header("Sec-Fetch-Site", "cross-site"),
		"a form":            header("Content-Type", "text/plain"),
		"no cookie":         header("Cookie", ""),
		"a cookie of ours?": header("Cookie", s.cookie.Name+"=guess"),
	} {
		if w := s.ask("POST", "/api/retry", body, change); w.Code == http.StatusOK || s.lastRetry().IDs != nil {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	w := s.ask("POST", "/api/retry", body)
	got := s.lastRetry()
	if w.Code != http.StatusOK || got.IDs[0] != "t-0-1" || got.Operator != "anna@host (web)" || got.Reason != "mended" {
		t.Fatalf("%d %s: %+v", w.Code, w.Body, got)
	}
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	if len(lines) != 2 || lines[0] != `{"done":1,"of":2}` || !strings.Contains(lines[1], `"changed":2`) {
		t.Errorf("%q", lines)
	}
	if w := s.ask("POST", "/api/pause", `{"type":"upload_attachment","reason":"audit"}`); w.Code != http.StatusOK || s.paused.Type != jobs.TypeUploadAttachment || s.paused.Operator != "anna@host (web)" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.ask("DELETE", "/api/session", ""); w.Code != http.StatusOK {
		t.Errorf("leave: %d %s", w.Code, w.Body)
	}
	if w := s.ask("POST", "/api/retry", body); w.Code != http.StatusUnauthorized {
		t.Errorf("after leaving: %d %s", w.Code, w.Body)
	}
}

func TestAPassWorksOnceAndSoon(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	pass, _ := s.server.Pass("anna@host")
	if !strings.HasPrefix(pass.URL, "http://127.0.0.1:8642/#pass=") || !pass.ExpiresAt.Equal(s.now.Add(passLife)) {
		t.Fatalf("%+v", pass)
	}
	_, text, _ := strings.Cut(pass.URL, "=")
	s.admitted(s.ask("POST", "/api/session", `{"pass":"`+text+`"}`))
	if c := s.cookie; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Name != "dispatcher_8642" {
		t.Errorf("cookie %+v", c)
	}
	for name, body := range map[string]string{"again": `{"pass":"` + text + `"}`, "guessed": `{"pass":"AAAA"}`, "none": `{}`, "a login that there is not": `{"name":"a","password":"b"}`} {
		if w := s.ask("POST", "/api/session", body); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := s.ask("GET", "/api/session", ""); strings.Contains(w.Body.String(), s.token) || !strings.Contains(w.Body.String(), "anna@host") {
		t.Errorf("the token is told to whoever has the cookie: %s", w.Body)
	}
	late, _ := s.server.Pass("bert@host")
	_, text, _ = strings.Cut(late.URL, "=")
	s.now = s.now.Add(passLife)
	if w := s.ask("POST", "/api/session", `{"pass":"`+text+`"}`); w.Code != http.StatusUnauthorized {
		t.Errorf("too late: %d %s", w.Code, w.Body)
	}
	s.now = s.now.Add(sessionLife)
	if w := s.ask("POST", "/api/retry", `{"all":true,"reason":"x"}`); w.Code != http.StatusUnauthorized {
		t.Errorf("a session that has ended: %d %s", w.Code, w.Body)
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for i := range attemptBurst {
		if w := s.ask("POST", "/api/session", `{"pass":"x"}`); w.Code != http.StatusUnauthorized {
			t.Fatalf("attempt %d: %d", i, w.Code)
		}
	}
	if w := s.ask("POST", "/api/session", `{"pass":"x"}`); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	s.now = s.now.Add(attemptEvery)
	s.enter()
	if a, b := neighbourhood("[2001:db8::1]:1"), neighbourhood("[2001:db8::2]:2"); a != b || a == neighbourhood("[2001:db8:1::1]:1") {
		t.Errorf("%s %s", a, b)
	}
}

// beyond is a page on an address beyond loopback.
func beyond(t *testing.T, change func(*Config)) *site {
	s := newSite(t, func(c *Config) {
		c.Local, c.URL = false, "https://jobs.example:8642"
		change(c)
	})
	s.host, s.remote = "jobs.example:8642", "192.0.2.7:4444"
	return s
}

func users(t *testing.T) func() (map[string][]byte, error) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return func() (map[string][]byte, error) { return map[string][]byte{"anna": hash}, nil }
}

func TestBeyondLoopbackNothingAnswersWithoutTLSAndALogin(t *testing.T) {
	t.Parallel()
	named := func(host string) bool { return host == "jobs.example" }
	for name, change := range map[string]func(*Config){
		"neither":  func(*Config) {},
		"no login": func(c *Config) { c.TLS, c.Named = true, named },
		"no TLS":   func(c *Config) { c.Users = users(t) },
	} {
		s := beyond(t, change)
		for _, host := range []string{s.host, "127.0.0.1:8642"} {
			s.host = host
			for _, path := range []string{"/", "/jobs", "/assets/app.js", "/api/session", "/api/overview", "/api/events"} {
				if w := s.ask("GET", path, ""); w.Code != http.StatusNotFound {
					t.Errorf("%s: %s: %d %s", name, path, w.Code, w.Body)
				}
			}
		}
		if _, err := s.server.Pass("anna"); !errors.Is(err, ErrNotOffered) {
			t.Errorf("%s: a pass: %v", name, err)
		}
	}
}

func TestBeyondLoopbackALoginIsNeededToLook(t *testing.T) {
	t.Parallel()
	s := beyond(t, func(c *Config) {
		c.TLS, c.Named, c.Users = true, func(host string) bool { return host == "jobs.example" }, users(t)
	})
	for _, path := range []string{"/api/overview", "/api/jobs", "/api/jobs/t-0-1", "/api/events"} {
		if w := s.ask("GET", path, ""); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := s.ask("GET", "/", ""); w.Code != http.StatusOK {
		t.Errorf("the page to log in: %d", w.Code)
	}
	for name, body := range map[string]string{"wrong": `{"name":"anna","password":"wrong"}`, "unknown": `{"name":"bert","password":"right"}`, "empty": `{"name":"anna"}`} {
		if w := s.ask("POST", "/api/session", body); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "name or password is wrong") && name != "empty" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	s.admitted(s.ask("POST", "/api/session", `{"name":"anna","password":"right"}`))
	if c := s.cookie; !c.Secure || c.Name != "__Host-dispatcher_8642" {
		t.Errorf("cookie %+v", c)
	}
	if w := s.ask("GET", "/api/overview", ""); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	s.ask("POST", "/api/retry", `{"ids":["t-0-1"],"reason":"mended"}`)
	if got := s.lastRetry(); got.Operator != "anna (web)" {
		t.Errorf("%+v", got)
	}
	if w := s.ask("GET", "/", "", func(r *http.Request) { r.Host = "other.example" }); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("a name that the certificate has not: %d", w.Code)
	}
}

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
	leave()
	<-answered
	close(s.hold)
	for deadline := time.Now().Add(10 * time.Second); s.lastRetry().Reason == ""; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it was given up")
		}
	}
}

func TestEveryAnswerIsHardened(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, path := range []string{"/", "/assets/app.js", "/api/overview", "/api/nothing", "/nothing", "/assets/../doc.go"} {
		h := s.ask("GET", path, "").Header()
		csp := h.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, h)
		}
	}
	for _, name := range []string{"/assets/nothing.js", "/assets/%2e%2e%2fdoc.go", "/assets/"} {
		if w := s.ask("GET", name, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	first := s.ask("GET", "/assets/app.js", "")
	if w := s.ask("GET", "/assets/app.js", "", header("If-None-Match", first.Header().Get("ETag"))); w.Code != http.StatusNotModified {
		t.Errorf("unchanged: %d", w.Code)
	}
	page := s.ask("GET", "/", "").Body.String()
	for _, inline := range []string{"<style", " style=", " onclick=", "http://", "https://"} {
		if strings.Contains(page, inline) {
			t.Errorf("the page has %s", inline)
		}
	}
}

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
