package ciso

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
)

func TestTheAPIIsFoundBelowTheHost(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", "/", "/api", "/api/"} {
		s := newStub(t, func(w http.ResponseWriter, _ *http.Request) { answerHTML(w, 200) }) // the front end answers everything
		c := connect(t, Config{URL: s.URL + suffix, Credentials: token("t")})
		if c.Base() != s.URL+"/api" || c.Version() != "v3.20.8" {
			t.Errorf("%s%s: base %s, version %s", s.URL, suffix, c.Base(), c.Version())
		}
	}
}

func TestAClientThatNeverConnectedFindsTheBaseItself(t *testing.T) {
	t.Parallel()
	server := fakeciso.New(fakeciso.Config{})
	base, err := server.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	c, err := New(Config{URL: base[:len(base)-len("/api")], Credentials: token("admin-token")})
	if err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, c.ProbeNow(t.Context()), "ok")
	_, err = c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": "x"})
	wantVerdict(t, err, "no_match")
}

func TestAReadMayBeRedirectedWithinItsOrigin(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved/" {
			answerJSON(w, 200, `{"id":"`+controlID+`","status":"active"}`)
			return
		}
		http.Redirect(w, r, "/moved/", http.StatusMovedPermanently)
	})
	c := s.client(t, nil)
	if object, err := c.Object(t.Context(), AppliedControls, controlID); err != nil || object["status"] != "active" {
		t.Errorf("%v %v", object, err)
	}
	wantVerdict(t, c.Update(t.Context(), AppliedControls, controlID, map[string]any{"status": "active"}), "hold api_down")
}

func TestTLSIsVerifiedAgainstTheGivenCA(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/api/health/", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"status":"ok"}`) })
	mux.HandleFunc("/api/build/", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"version":"unset"}`) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { answerHTML(w, 404) })
	s := httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParseCertificate(s.Certificate().Raw); err != nil {
		t.Fatal(err)
	}
	connect(t, Config{URL: s.URL, CAFile: ca, Credentials: token("t")})

	for name, cfg := range map[string]Config{
		"no file": {URL: s.URL, CAFile: ca + "x"}, "not a certificate": {URL: s.URL, CAFile: os.Args[0]}, "no address": {URL: "localhost"}, "nothing": {},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	insecure, err := New(Config{URL: s.URL, VerifyCertificate: false, Credentials: token("t")})
	if err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, insecure.Connect(t.Context()), "ok")
}

func TestTheRateIsLimited(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"id":"`+controlID+`"}`) })
	c := connect(t, Config{URL: s.URL, Credentials: token("t"), RateLimit: 20})
	began := time.Now()
	for range 24 { // one was spent on connecting
		if _, err := c.Object(t.Context(), AppliedControls, controlID); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("25 requests at 20 a second and a burst of 20 took %s", took)
	}
}

func TestVersionsAreCompared(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"v3.14.0": true, "v3.15.5": true, "v3.15.6": false, "v3.20.8-21-gf990d7b1b": false, "v4.0.0": false, "v2.9": true,
		"unset": false, "": false, "3.14.0": false, "dev": false,
	} {
		if got := older(version, 3, 15, 6); got != want {
			t.Errorf("%s: %v", version, got)
		}
	}
}
