package ciso

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const controlID = "53fb665c-334c-4dd8-9c00-35299a794e41"

// TestEachAnswerToAWriteHasItsVerdict covers every kind of answer to a write.
func TestEachAnswerToAWriteHasItsVerdict(t *testing.T) {
	t.Parallel()
	const object = `{"id":"` + controlID + `","status":"active"}`
	cases := []struct {
		name       string
		status     int
		kind, body string
		want, text string
	}{
		{"success", 200, "application/json", object, "ok", ""},
		{"field list", 400, "application/json", `{"priority":["\"P1\" is not a valid choice."]}`, "rejected", `priority: "P1" is not a valid choice.`},
		{"field text", 400, "application/json", `{"name":"foo is already used in this scope. Please choose another value."}`, "rejected", "name: foo is already used"},
		{"list", 400, "application/json", `["UNIQUE constraint failed"]`, "rejected", "UNIQUE constraint failed"},
		{"non field", 400, "application/json", `{"non_field_errors":["⚠️ Cannot modify the requirement when the audit is locked."]}`, "rejected", "audit is locked"},
		{"error", 400, "application/json", `{"error":"too many ids","max":100}`, "rejected", "too many ids; max: 100"},
		{"unsupported", 415, "application/json", `{"detail":"Unsupported media type \"\" in request."}`, "rejected", "Unsupported media type"},
		{"conflict", 409, "application/json", `{"detail":"conflict"}`, "rejected", "conflict"},
		{"forbidden", 403, "application/json", `{"folder":"You do not have permission to add objects in this folder"}`, "forbidden", "folder: You do not have"},
		{"forbidden without a word", 403, "", "", "forbidden", "no reason"},
		{"not there", 404, "application/json", `{"detail":"No AppliedControl matches the given query."}`, "gone", "No AppliedControl"},
		{"bad token", 401, "application/json", `{"detail":"Invalid token."}`, "hold auth", "Invalid token"},
		{"locked database", 400, "application/json", `["database is locked"]`, "transient", "locked"},
		{"deadlock", 400, "application/json", `["deadlock detected"]`, "transient", "deadlock"},
		{"version race", 400, "application/json", `{"evidence":"e is already used in this scope. Please choose another value.","version":"2 is already used in this scope. Please choose another value."}`, "transient", "version: 2"},
		{"throttled", 429, "application/json", `{"status":429}`, "transient", "429"},
		{"server error", 500, "text/html", "<h1>Server Error (500)</h1>", "transient", "500"},
		{"bad gateway", 502, "text/html", "<h1>Bad Gateway</h1>", "transient", "502"},
		{"timeout of the server", 408, "text/html", "", "transient", "408"},
		{"page for success", 200, "text/html", "<html>Log in</html>", "hold api_down", "not the API's"},
		{"nothing for success", 200, "", "", "hold api_down", "nothing with it"},
		{"json of somebody else", 200, "application/json", `{"id":"somebody"}`, "hold api_down", "not the object's"},
		{"cut json", 200, "application/json", `{"id":"` + controlID, "transient", "cut or not JSON"},
		{"host not allowed", 400, "text/html", "<h1>Bad Request (400)</h1>", "hold api_down", "ALLOWED_HOSTS"},
		{"page for forbidden", 403, "text/html", "<h1>Forbidden</h1>", "hold api_down", "proxy"},
		{"page for not found", 404, "text/html", "<h1>Not Found</h1>", "hold api_down", "proxy"},
		{"gateway's json", 403, "application/json", `{"message":"Forbidden"}`, "hold api_down", "proxy"},
		{"gateway's route", 404, "application/json", `{"message":"no Route matched with those values"}`, "hold api_down", "proxy"},
		{"too large for a proxy", 413, "text/html", "<h1>413</h1>", "rejected", "size"},
		{"empty 400", 400, "", "", "rejected", "without a reason"},
		{"redirect", 301, "text/html", "", "hold api_down", `"/elsewhere/"`},
		{"redirect with json", 302, "application/json", `{}`, "hold api_down", `"/elsewhere/"`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPatch {
					t.Errorf("%s %s: a write became another request", r.Method, r.URL)
				}
				w.Header()["Content-Type"] = []string{tc.kind}
				w.Header().Set("Location", "/elsewhere/")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			})
			err := s.client(t, nil).Update(t.Context(), AppliedControls, controlID, map[string]any{"status": "active"})
			wantVerdict(t, err, tc.want)
			if err == nil {
				return
			}
			text := err.Error()
			if !strings.Contains(text, tc.text) || strings.ContainsAny(text, "\n<") || len([]rune(text)) > 700 {
				t.Errorf("text %q", text)
			}
		})
	}
}

func TestAnOutageIsNotHeldAgainstTheJob(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request) { answerHTML(w, 502) })
	c := s.client(t, nil)
	s.build.Store(502)
	err := c.Update(t.Context(), AppliedControls, controlID, map[string]any{"status": "active"})
	wantVerdict(t, err, "hold api_down")
	if !unansweredErr(err) {
		t.Error("a gateway's 502 to a write does not say that the write may have happened")
	}
	s.Close()
	wantVerdict(t, c.Update(t.Context(), AppliedControls, controlID, map[string]any{"status": "active"}), "hold api_down")
}

func TestRetryAfterIsPassedOn(t *testing.T) {
	t.Parallel()
	clock := newClock()
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "": 0, "soon": 0, "-1": 0,
		clock.now().Add(time.Minute).UTC().Format(http.TimeFormat): time.Minute,
	} {
		a := &answer{header: http.Header{"Retry-After": {header}}}
		if got := retryAfter(a, clock.now()); got != want {
			t.Errorf("Retry-After %q: %s, want %s", header, got, want)
		}
	}
}

func TestAWriteThatGotNoAnswerIsMarked(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	c := s.client(t, nil)
	err := c.Update(t.Context(), AppliedControls, controlID, map[string]any{"status": "active"})
	wantVerdict(t, err, "transient")
	if !unansweredErr(err) {
		t.Error("a cut connection is not marked")
	}
	_, err = c.Object(t.Context(), AppliedControls, controlID)
	if wantVerdict(t, err, "transient"); unansweredErr(err) {
		t.Error("a read is marked as a write without an answer")
	}
}

func TestACancelledWriteIsMarkedAndTellsOfItsContext(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	s := newStub(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server would not notice that the client has gone
		close(arrived)
		<-r.Context().Done()
	})
	c := s.client(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	err := c.Update(ctx, AppliedControls, controlID, map[string]any{"status": "active"})
	if !unansweredErr(err) || ctx.Err() == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("cancelled write: %v", err)
	}
}

func TestATimeoutIsSuspiciousAndMarked(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	c := connect(t, Config{URL: s.URL + "/api", Credentials: token("t"), Timeout: 50 * time.Millisecond})
	err := c.Update(t.Context(), AppliedControls, controlID, map[string]any{"status": "active"})
	if wantVerdict(t, err, "transient"); !unansweredErr(err) {
		t.Errorf("timeout: %v", err)
	}
}

func TestABodyAboveTheAPIsLimitIsNotSent(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s was sent", r.Method, r.URL) })
	err := s.client(t, nil).Update(t.Context(), AppliedControls, controlID, map[string]any{"observation": strings.Repeat("<", maxJSONBody)})
	wantVerdict(t, err, "rejected")
}

func TestMarkupDoesNotGrowOnTheWire(t *testing.T) {
	t.Parallel()
	data, err := encode(map[string]any{"observation": "<b>&amp;</b> \u2028é"})
	if err != nil || strings.Contains(string(data), `\u003c`) {
		t.Errorf("%s %v", data, err)
	}
}

func TestAFileThatCannotBeOpenedIsNotAnUnansweredWrite(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s was sent", r.Method, r.URL) })
	file := File{Name: "a.txt", Size: 3, Open: openNothing}
	_, err := s.client(t, nil).CreateEvidence(t.Context(), NewEvidence{Name: "e", File: file})
	if wantVerdict(t, err, "transient"); unansweredErr(err) {
		t.Errorf("%v", err)
	}
}

func TestAProxyThatRefusesOneRequestHoldsNobodyElseForEver(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request) { answerHTML(w, 403) })
	c := s.client(t, nil)
	for try := 1; try <= 4; try++ {
		want := "hold api_down"
		if try > maxStrange {
			want = "transient"
		}
		wantVerdict(t, c.Update(t.Context(), AppliedControls, controlID, map[string]any{"status": "active"}), want)
	}
}

func TestHeadersOfARequest(t *testing.T) {
	t.Parallel()
	var got http.Header
	var length int64
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		got, length = r.Header.Clone(), r.ContentLength
		answerJSON(w, 200, `{"id":"`+controlID+`","status":"active"}`)
	})
	ctx := WithJob(t.Context(), strings.Repeat("x", 300))
	if err := s.client(t, nil).Update(ctx, AppliedControls, controlID, map[string]any{"status": "active"}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Authorization": "Token t", "Accept": "application/json", "Accept-Language": "en", "Content-Type": "application/json",
		"X-Correlation-Id": strings.Repeat("x", maxCorrelation),
	} {
		if got.Get(name) != want {
			t.Errorf("%s: %q", name, got.Get(name))
		}
	}
	if length != int64(len(`{"status":"active"}`)) || got.Get("User-Agent") == "" {
		t.Errorf("length %d, %v", length, got)
	}
}

func TestAnAnswerAboveTheBoundIsNotRead(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(maxAnswer+1))
	})
	_, err := s.client(t, nil).Object(t.Context(), AppliedControls, controlID)
	wantVerdict(t, err, "transient")
}

// A broken record later in a connection comes after a write that was sent.
func TestOnlyTheFirstRecordTellsThatNothingWasSent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"first record does not look like a TLS handshake": true, "oversized record received with length 20527": false} {
		if got := isTLS(fmt.Errorf("patch: %w", tls.RecordHeaderError{Msg: text})); got != want {
			t.Errorf("%s: nothing was sent: %v, want %v", text, got, want)
		}
	}
}
