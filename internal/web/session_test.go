package web

import (
	"net/http"
	"strings"
	"testing"

	"dispatcher/jobs"
)

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
