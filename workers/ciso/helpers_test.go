package ciso

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
)

// fake starts the stand-in and a client with the admin's token.
func fake(t testing.TB, cfg fakeciso.Config) (*fakeciso.Server, *Client) {
	t.Helper()
	server := fakeciso.New(cfg)
	base, err := server.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server, connect(t, Config{URL: base, Credentials: token("admin-token")})
}

// both runs a test against a server like v3.20.8 and one like v3.14.0.
func both(t *testing.T, test func(t *testing.T, server *fakeciso.Server, c *Client)) {
	t.Helper()
	for name, old := range map[string]bool{"v3.20.8": false, "v3.14.0": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, c := fake(t, fakeciso.Config{Old: old})
			test(t, server, c)
		})
	}
}

func connect(t testing.TB, cfg Config) *Client {
	t.Helper()
	cfg.VerifyCertificate = true
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func token(text string) Credentials { return Credentials{Token: func() string { return text }} }

// stub serves a handler below /api, and health/ and build/ itself unless the
// handler takes them by answering.
type stub struct {
	*httptest.Server
	mu      sync.Mutex
	handler http.HandlerFunc
	builds  atomic.Int32
	build   atomic.Int32 // status of build/
}

func newStub(t testing.TB, handler http.HandlerFunc) *stub {
	t.Helper()
	s := &stub{handler: handler}
	s.build.Store(http.StatusOK)
	mux := http.NewServeMux()
	mux.HandleFunc("/api/health/", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"status":"ok"}`) })
	mux.HandleFunc("/api/build/", func(w http.ResponseWriter, _ *http.Request) {
		s.builds.Add(1)
		if status := int(s.build.Load()); status != http.StatusOK {
			answerHTML(w, status)
			return
		}
		answerJSON(w, 200, `{"version":"v3.20.8"}`)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		h := s.handler
		s.mu.Unlock()
		h(w, r)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *stub) handle(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = h
}

func (s *stub) client(t testing.TB, clock func() time.Time) *Client {
	t.Helper()
	return connect(t, Config{URL: s.URL + "/api", Credentials: token("t"), Clock: clock})
}

func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func answerHTML(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<html><body>nothing to see</body></html>"))
}

// clock is a clock that only the test moves.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// verdict names what an error means for its job: a failure's code, a hold's
// reason, "transient", "gone", "ok", or "?" for what must never come out.
func verdict(err error) string {
	var failure *jobs.Failure
	var hold *jobs.HoldError
	var transient *jobs.TransientError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &failure):
		return string(failure.Code)
	case errors.As(err, &hold):
		return "hold " + string(hold.Reason)
	case errors.As(err, &transient):
		return "transient"
	case errors.Is(err, ErrGone):
		return "gone"
	}
	return "?"
}

func unansweredErr(err error) bool {
	var u *UnansweredError
	return errors.As(err, &u)
}

func wantVerdict(t testing.TB, err error, want string) {
	t.Helper()
	if got := verdict(err); got != want {
		t.Fatalf("verdict %q, want %q: %v", got, want, err)
	}
}
