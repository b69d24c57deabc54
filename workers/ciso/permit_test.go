package ciso

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestNothingIsSentWithoutAPermit: neither when it has ended before, nor when it
// ends on the way to the connection, as for a process that was stopped there.
func TestNothingIsSentWithoutAPermit(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{}"))
	}))
	defer server.Close()
	c, err := New(Config{URL: server.URL + "/api", Guarded: true, VerifyCertificate: true})
	if err != nil {
		t.Fatal(err)
	}
	c.base = server.URL + "/api"
	for _, size := range []int{1, 1, mostDirect, mostDirect} { // on a new connection, and on one that is there, of either transport
		patch := func(valid func() bool) error {
			body := map[string]any{"a": strings.Repeat("x", size)}
			_, err := c.exchange(WithPermit(t.Context(), valid), &request{method: http.MethodPatch, path: "/x/", body: body}, "token")
			return err
		}
		if err := patch(func() bool { return false }); !errors.Is(err, errNotPermitted) {
			t.Errorf("ended before: %v", err)
		}
		if size == mostDirect { // it is sent in pieces, each of which is looked at; a small one once, when all else is done
			var calls atomic.Int64
			if err := patch(func() bool { return calls.Add(1) == 1 }); !errors.Is(err, errCutOff) {
				t.Errorf("ended on the way: %v", err)
			}
		}
		if n := asked.Load(); n != 0 {
			t.Errorf("%d requests were sent", n)
		}
		if err := patch(func() bool { return true }); err != nil {
			t.Errorf("permitted: %v", err)
		}
		if err := patch(nil); err != nil {
			t.Errorf("without a lease: %v", err)
		}
		asked.Store(0)
	}
	var lost *UnansweredError
	if err := c.noAnswer(t.Context(), &request{method: http.MethodPatch}, errCutOff); !errors.As(err, &lost) {
		t.Errorf("a write that was cut off may have got through: %v", err)
	}
	if err := c.noAnswer(t.Context(), &request{method: http.MethodPatch}, errNotPermitted); errors.As(err, &lost) {
		t.Error("a write that was not sent is taken for one that was")
	}
}

// TestARedirectIsNotFollowedWithoutAPermit: it may have ended while the request was
// answered. A write that was answered so was sent all the same.
func TestARedirectIsNotFollowedWithoutAPermit(t *testing.T) {
	t.Parallel()
	for _, guarded := range []bool{false, true} {
		var asked, moved atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/moved/" {
				moved.Add(1)
				return
			}
			_, _ = io.Copy(io.Discard, r.Body) // else it is cut off
			asked.Add(1)
			http.Redirect(w, r, "/moved/", http.StatusFound)
		}))
		defer server.Close()
		c, err := New(Config{URL: server.URL, Guarded: guarded, VerifyCertificate: true})
		if err != nil {
			t.Fatal(err)
		}
		c.base = server.URL
		valid := func() bool { return asked.Load() < 2 } // over a line, then by the standard transport
		_, err = c.exchange(WithPermit(t.Context(), valid), &request{method: http.MethodGet, path: "/x/"}, "token")
		if !errors.Is(err, errNotPermitted) || asked.Load() != 2 || moved.Load() != 0 {
			t.Errorf("guarded: %v: asked %d times, followed %d times: %v", guarded, asked.Load(), moved.Load(), err)
		}
		asked.Store(1)
		body := map[string]any{"a": strings.Repeat("x", mostDirect)}
		if a, err := c.exchange(WithPermit(t.Context(), valid), &request{method: http.MethodPatch, path: "/x/", body: body}, "token"); err != nil || a.status != http.StatusFound {
			t.Errorf("guarded: %v: a write: %v", guarded, err)
		}
	}
}
