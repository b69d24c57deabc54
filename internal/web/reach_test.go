package web

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

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
