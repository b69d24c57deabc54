package ciso

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// dials counts the connections of a transport to a server.
func dials(t *testing.T, server *httptest.Server) (*direct, *atomic.Int64) {
	t.Helper()
	standard := http.DefaultTransport.(*http.Transport).Clone()
	standard.Proxy = nil
	standard.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the test's own server
	d := newDirect(standard, 4, time.Now)
	var count atomic.Int64
	dial := d.dial
	d.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		count.Add(1)
		return dial(ctx, network, address)
	}
	t.Cleanup(d.CloseIdleConnections)
	t.Cleanup(server.Close)
	return d, &count
}

// ask sends one request and returns the answer's body.
func ask(ctx context.Context, d http.RoundTripper, method, url, body string) (string, error) {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, r)
	if err != nil {
		return "", err
	}
	resp, err := (&http.Client{Transport: d}).Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return string(got), err
}

// echo answers in all the ways that HTTP/1.1 has.
func echo(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/nothing":
		w.WriteHeader(http.StatusNoContent)
	case "/chunks":
		for i := range 3 {
			fmt.Fprint(w, i)
			w.(http.Flusher).Flush()
		}
	case "/hints":
		w.WriteHeader(http.StatusEarlyHints)
		fmt.Fprint(w, "after hints")
	case "/close":
		w.Header().Set("Connection", "close")
		fmt.Fprint(w, "bye")
	default:
		body, _ := io.ReadAll(r.Body) // all of it before the answer begins: the server drops the rest then
		_, _ = w.Write(body)
	}
}

func TestALineCarriesOneRequestAfterTheOther(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer} {
		server := start(http.HandlerFunc(echo))
		d, count := dials(t, server)
		for range 5 {
			for path, want := range map[string]string{"/nothing": "", "/chunks": "012", "/hints": "after hints", "/": "x"} {
				if got, err := ask(t.Context(), d, http.MethodPatch, server.URL+path, "x"); err != nil || got != want {
					t.Errorf("%s %s: %q, %v; want %q", name, path, got, err, want)
				}
			}
		}
		if n := count.Load(); n != 1 {
			t.Errorf("%s: %d connections for requests one after the other, want 1", name, n)
		}
		for range 2 {
			if got, err := ask(t.Context(), d, http.MethodGet, server.URL+"/close", ""); err != nil || got != "bye" {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		if n := count.Load(); n != 2 {
			t.Errorf("%s: %d connections, want 2: the server has closed the first", name, n)
		}
	}
}

// A write on a connection that the server closed while nobody used it gets no
// answer, and its object would be quarantined for nothing.
func TestAConnectionThatWasClosedWhileItWasIdleIsNotUsed(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer} {
		server := start(http.HandlerFunc(echo))
		d, count := dials(t, server)
		for i := range 20 {
			if got, err := ask(t.Context(), d, http.MethodPatch, server.URL, "x"); err != nil || got != "x" {
				t.Errorf("%s, request %d: %q, %v", name, i, got, err)
			}
			server.CloseClientConnections() // returns when they are closed
		}
		if n := count.Load(); n != 20 {
			t.Errorf("%s: %d connections, want 20", name, n)
		}
	}
}

// The answer to a request that was given up must never be taken for that of the
// next one.
func TestALineOfARequestThatWasGivenUpIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	var hang atomic.Bool
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hang.Load() {
			<-release
		}
		echo(w, r)
	}))
	d, _ := dials(t, server)
	for range 3 {
		if _, err := ask(t.Context(), d, http.MethodPatch, server.URL, "first"); err != nil {
			t.Fatal(err)
		}
		hang.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if got, err := ask(ctx, d, http.MethodPatch, server.URL, "given up"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q, %v", got, err)
		}
		cancel()
		hang.Store(false)
		release <- struct{}{}
	}
	close(release)
	if got, err := ask(t.Context(), d, http.MethodPatch, server.URL, "next"); err != nil || got != "next" {
		t.Errorf("%q, %v", got, err)
	}
}

// A server may close an idle connection in the very moment in which it is used.
func TestAReadIsRepeatedOnAnotherConnectionAndAWriteIsNot(t *testing.T) {
	t.Parallel()
	var drop atomic.Bool
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if drop.Swap(false) {
			panic(http.ErrAbortHandler) // it closes without an answer
		}
		echo(w, r)
	}))
	d, _ := dials(t, server)
	for method, want := range map[string]int64{http.MethodGet: 3, http.MethodPatch: 2} {
		asked.Store(0)
		if _, err := ask(t.Context(), d, method, server.URL, ""); err != nil {
			t.Fatal(err)
		}
		drop.Store(true)
		if _, err := ask(t.Context(), d, method, server.URL, ""); (err == nil) != (method == http.MethodGet) {
			t.Errorf("%s: %v", method, err)
		}
		if n := asked.Load(); n != want {
			t.Errorf("%s was asked %d times, want %d", method, n, want)
		}
	}
}

func TestWhatComesUnaskedIsNotTakenForAnAnswer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					body, _ := io.ReadAll(req.Body)
					answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
					_, _ = io.WriteString(conn, answer+"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
				}
			}()
		}
	}()
	d := newDirect(&http.Transport{}, 4, time.Now)
	defer d.CloseIdleConnections()
	for i := range 10 {
		want := fmt.Sprint("right", i)
		if got, err := ask(t.Context(), d, http.MethodPatch, "http://"+l.Addr().String(), want); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}

func TestLinesAreNotSharedByRequestsAtATime(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(echo))
	d, count := dials(t, server)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			for n := range 50 {
				want := strings.Repeat(fmt.Sprint(i, "-", n, " "), 1+n*20)
				if got, err := ask(t.Context(), d, http.MethodPatch, server.URL, want); err != nil || got != want {
					t.Errorf("%d bytes instead of %d, %v", len(got), len(want), err)
				}
			}
		})
	}
	group.Wait()
	if idle := len(d.idle); idle == 0 || idle > 4 {
		t.Errorf("%d lines are kept of %d, want 1 to 4", idle, count.Load())
	}
}

func TestLargeBodiesAndProxiesAreTheStandardTransports(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(echo))
	d, count := dials(t, server)
	large := strings.Repeat("x", mostDirect+1)
	if got, err := ask(t.Context(), d, http.MethodPost, server.URL, large); err != nil || got != large {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, io.MultiReader(bytes.NewReader([]byte("of unknown length"))))
	if err != nil {
		t.Fatal(err)
	}
	if d.takes(req) {
		t.Error("a body of unknown length is not the standard transport's")
	}
	proxied := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "proxy for ", r.URL) }))
	defer proxied.Close()
	d.standard.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxied.URL) }
	if got, err := ask(t.Context(), d, http.MethodGet, "http://ciso.example/api/", ""); err != nil || got != "proxy for http://ciso.example/api/" {
		t.Errorf("%q, %v", got, err)
	}
	if n := count.Load(); n != 0 {
		t.Errorf("%d lines were opened", n)
	}
}
