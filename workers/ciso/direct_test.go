package ciso

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
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
	d := newDirect(standard, 4, time.Now)
	var count atomic.Int64
	dial := d.dial
	d.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		count.Add(1)
		return dial(ctx, network, address)
	}
	t.Cleanup(func() { closeIdle(d) })
	t.Cleanup(server.Close)
	return d, &count
}

func closeIdle(d *direct) {
	for l := d.last(); l != nil; l = d.last() {
		_ = l.Close()
	}
}

// ask sends one request, whichever way it goes, and returns the answer's body.
func ask(ctx context.Context, d *direct, method, address, body string) (string, error) {
	c := &Client{direct: d, http: &http.Client{Transport: d.standard}}
	a, err := c.do(ctx, messageTo(d, method, address, body), time.Minute)
	if err != nil {
		return "", err
	}
	return string(a.body), nil
}

// messageTo is a message to an address without a query.
func messageTo(d *direct, method, address, body string) *message {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	m := &message{method: method, path: cmp.Or(u.Path, "/"), to: newOrigin(u.Scheme + "://" + u.Host), agent: "dispatcher"}
	m.to.direct = d.reaches(m.to.url)
	if body != "" {
		m.json = []byte(body)
	}
	return m
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
	server := httptest.NewServer(http.HandlerFunc(echo))
	d, count := dials(t, server)
	for range 5 {
		for path, want := range map[string]string{"/nothing": "", "/chunks": "012", "/hints": "after hints", "/": "x"} {
			if got, err := ask(t.Context(), d, http.MethodPatch, server.URL+path, "x"); err != nil || got != want {
				t.Errorf("%s: %q, %v; want %q", path, got, err, want)
			}
		}
	}
	if n := count.Load(); n != 1 {
		t.Errorf("%d connections for requests one after the other, want 1", n)
	}
	for range 2 {
		if got, err := ask(t.Context(), d, http.MethodGet, server.URL+"/close", ""); err != nil || got != "bye" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if n := count.Load(); n != 2 {
		t.Errorf("%d connections, want 2: the server has closed the first", n)
	}
}

// A write on a connection that the server closed while nobody used it gets no
// answer, and its object would be quarantined for nothing.
func TestAConnectionThatWasClosedWhileItWasIdleIsNotUsed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(echo))
	d, count := dials(t, server)
	for i := range 20 {
		if got, err := ask(t.Context(), d, http.MethodPatch, server.URL, "x"); err != nil || got != "x" {
			t.Errorf("request %d: %q, %v", i, got, err)
		}
		server.CloseClientConnections() // returns when they are closed
	}
	if n := count.Load(); n != 20 {
		t.Errorf("%d connections, want 20", n)
	}
}

func TestConnectionsThatAreIdleForLongAreClosed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(echo))
	d, count := dials(t, server)
	var now atomic.Int64
	d.clock = func() time.Time { return time.Unix(0, now.Load()) }
	for range 4 {
		l, err := d.open(t.Context(), mustParse(t, server.URL))
		if err != nil {
			t.Fatal(err)
		}
		d.put(l)
	}
	now.Store(int64(idleTimeout / 2))
	if _, err := ask(t.Context(), d, http.MethodGet, server.URL, ""); err != nil {
		t.Fatal(err)
	}
	now.Store(int64(idleTimeout))
	if _, err := ask(t.Context(), d, http.MethodGet, server.URL, ""); err != nil {
		t.Fatal(err)
	}
	if idle, opened := len(d.idle), count.Load(); idle != 1 || opened != 4 {
		t.Errorf("%d of %d lines are kept, want 1 of 4", idle, opened)
	}
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
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

// raw answers each request with the same text, and leaves the connection open.
func raw(t *testing.T, answer func(body []byte) string) (address string) {
	t.Helper()
	return accept(t, func(conn net.Conn) {
		defer conn.Close()
		for in := bufio.NewReader(conn); ; {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(req.Body)
			if _, err := io.WriteString(conn, answer(body)); err != nil {
				return
			}
		}
	})
}

// accept serves each connection that comes to an address.
func accept(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return "http://" + l.Addr().String()
}

func TestWhatComesUnaskedIsNotTakenForAnAnswer(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{
		"a second answer": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", "half of one": "HTTP/1.1 200 OK\r\nConte", "a blank": "\r\n",
	} {
		address := raw(t, func(body []byte) string {
			return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s%s", len(body), body, more)
		})
		d := newDirect(&http.Transport{}, 4, time.Now)
		for i := range 10 {
			want := fmt.Sprint("right", i)
			if got, err := ask(t.Context(), d, http.MethodPatch, address, want); err != nil || got != want {
				t.Errorf("%s: %q, %v; want %q", name, got, err, want)
			}
		}
		closeIdle(d)
	}
}

func TestAConnectionThatSpeaksAnotherProtocolIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	address := raw(t, func([]byte) string {
		return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"
	})
	d := newDirect(&http.Transport{}, 4, time.Now)
	if _, err := ask(t.Context(), d, http.MethodGet, address, ""); err != nil {
		t.Fatal(err)
	}
	if len(d.idle) != 0 {
		t.Error("it is kept")
	}
}

// TestALineIsKeptOnlyWhereAnotherAnswerMayCome: a server that is about to close would
// leave the next write without an answer.
func TestALineIsKeptOnlyWhereAnotherAnswerMayCome(t *testing.T) {
	t.Parallel()
	for answer, kept := range map[string]bool{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}":                           true,
		"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}": true,
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}":      false,
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}":                           false,
	} {
		d := newDirect(&http.Transport{}, 4, time.Now)
		if got, err := ask(t.Context(), d, http.MethodPatch, raw(t, func([]byte) string { return answer }), "x"); err != nil || got != "{}" {
			t.Errorf("%q: %q, %v", answer, got, err)
		}
		if (len(d.idle) == 1) != kept {
			t.Errorf("%q: kept: %v", answer, !kept)
		}
		closeIdle(d)
	}
}

// TestALineThatIsBeingAbortedIsNotKept: the end of a context that comes with the answer
// would end the next request.
func TestALineThatIsBeingAbortedIsNotKept(t *testing.T) {
	t.Parallel()
	d := newDirect(&http.Transport{}, 4, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	d.dial = func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, there) }()
		return &aborted{Conn: here, cancel: cancel, seen: make(chan struct{})}, nil
	}
	if _, err := d.ask(ctx, messageTo(d, http.MethodPatch, "http://ciso.example/", "x"), time.Time{}); err != nil {
		t.Error(err)
	}
	if len(d.idle) != 0 {
		t.Error("it is kept")
	}
}

// aborted is a connection on which the answer comes when its request has been given up.
type aborted struct {
	net.Conn
	reads  int
	cancel func()
	seen   chan struct{}
}

func (a *aborted) Read(p []byte) (int, error) {
	if a.reads++; a.reads == 1 {
		return 0, os.ErrDeadlineExceeded // from now on it is watched
	}
	a.cancel()
	<-a.seen
	return copy(p, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), nil
}

func (a *aborted) SetDeadline(at time.Time) error {
	if at.Equal(time.Unix(1, 0)) {
		close(a.seen)
	}
	return nil
}

// TestAnAnswerThatIsTooLongIsNotRead, and a write that it is for may have been carried out.
func TestAnAnswerThatIsTooLongIsNotRead(t *testing.T) {
	t.Parallel()
	for _, length := range []int64{maxAnswer + 1, math.MaxInt64 >> 1} {
		for _, status := range []string{"200 OK", "400 Bad Request"} {
			d := newDirect(&http.Transport{}, 4, time.Now)
			ctx, cancel := context.WithTimeout(t.Context(), 10*generous)
			defer cancel()
			address := raw(t, func([]byte) string { return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n{}", status, length) })
			if _, err := ask(ctx, d, http.MethodPatch, address, "x"); err == nil || !strings.Contains(err.Error(), "are more than") || isUnsent(err) {
				t.Errorf("%s, %d bytes: %v", status, length, err)
			}
			if len(d.idle) != 0 {
				t.Errorf("%s, %d bytes: its line is kept", status, length)
			}
		}
	}
}

// An answer whose head has no end must not fill the memory.
func TestTheHeadOfAnAnswerIsBounded(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"headers":      "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Long: "+strings.Repeat("x", 1000)+"\r\n", 2000),
		"early hints":  strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("x", 1000)+"\r\n\r\n", 2000),
		"a first line": "HTTP/1.1 200 " + strings.Repeat("x", 2<<20),
	} {
		d := newDirect(&http.Transport{}, 4, time.Now)
		if _, err := ask(t.Context(), d, http.MethodPatch, raw(t, func([]byte) string { return answer }), "x"); !errors.Is(err, errLongHead) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The difference decides whether the object is quarantined.
func TestARequestThatWasNotSentSaysSo(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); echo(w, r) }))
	d, _ := dials(t, server)
	if _, err := ask(t.Context(), d, http.MethodPatch, server.URL, "x"); err != nil { // from here on there is a line
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var unsent *notSentError
	if _, err := ask(over, d, http.MethodPatch, server.URL, "x"); !errors.As(err, &unsent) {
		t.Errorf("its context had ended: %v", err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	// The process is stopped where it asks, for longer than the request may take.
	permit := WithPermit(stopped, func() bool { cancel(); return false })
	if _, err := ask(permit, d, http.MethodPatch, server.URL, "x"); !errors.Is(err, errNotPermitted) {
		t.Errorf("it was not permitted: %v", err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the server was asked %d times, want 1", n)
	}
}

func TestAnAnswerThatStopsInTheMiddleIsATimeout(t *testing.T) {
	t.Parallel()
	address := raw(t, func([]byte) string { return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf" })
	d := newDirect(&http.Transport{}, 4, time.Now)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := ask(ctx, d, http.MethodPatch, address, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
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

func TestLargeBodiesTLSAndProxiesAreTheStandardTransports(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(echo))
	d, count := dials(t, server)
	large := strings.Repeat("x", mostDirect+1)
	if got, err := ask(t.Context(), d, http.MethodPost, server.URL, large); err != nil || got != large {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for what, base := range map[string]string{
		"TLS": "https://h", "a host that needs punycode": "http://bücher.example", "an address with a zone": "http://[fe80::1%25eth0]:80",
		"a password in the address": "http://a:b@h", "an empty port": "http://h:", "a path that is escaped": "http://h/a%20b", "a query": "http://h/api?x=1",
		"a path with signs": "http://h/(x)",
	} {
		o := newOrigin(base)
		if o.url != nil && d.reaches(o.url) {
			t.Errorf("%s is not the standard transport's", what)
		}
	}
	for what, change := range map[string]func(*message){
		"a path with blanks":           func(m *message) { m.path = "/a b/" },
		"a path that is escaped":       func(m *message) { m.path = "/a%20b/" },
		"a path with a line break":     func(m *message) { m.path = "/a\r\nX: y/" },
		"a query with a blank":         func(m *message) { m.query = "a=b HTTP/1.1" },
		"a query with a line break":    func(m *message) { m.query = "a=b\r\nX: y" },
		"a header that is none":        func(m *message) { m.authorization = "Token a\x00b" },
		"a job that breaks the line":   func(m *message) { m.job = "a\r\nX: y" },
		"an agent that is not ASCII":   func(m *message) { m.agent = "é" },
		"a header's name that is none": func(m *message) { m.traced = http.Header{"X: y": {"z"}} },
		"a name with a line break":     func(m *message) { m.traced = http.Header{"X\r\nY": {"z"}} },
		"a host among the headers":     func(m *message) { m.traced = http.Header{"Host": {"other"}} },
		"a length among the headers":   func(m *message) { m.traced = http.Header{"content-length": {"7"}} },
		"chunks among the headers":     func(m *message) { m.traced = http.Header{"Transfer-Encoding": {"chunked"}} },
		"a trailer among the headers":  func(m *message) { m.traced = http.Header{"Trailer": {"X"}} },
		"a large file":                 func(m *message) { m.file = newMultipart(nil, "file", File{Name: "f", Size: mostDirect}) },
	} {
		m := messageTo(d, http.MethodPost, server.URL, "")
		if !d.takes(m) {
			t.Fatal("a plain request is not taken")
		}
		if change(m); d.takes(m) {
			t.Errorf("%s is not the standard transport's", what)
		}
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

// TestARequestOfTheStandardTransportEndsInTimeToo, and its answer with it.
func TestARequestOfTheStandardTransportEndsInTimeToo(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"} {
		d := newDirect(&http.Transport{}, 4, time.Now)
		c := &Client{direct: d, http: &http.Client{Transport: d.standard}}
		m := messageTo(d, http.MethodPatch, raw(t, func([]byte) string { return answer }), strings.Repeat("x", mostDirect+1))
		ctx, cancel := context.WithTimeout(t.Context(), 10*generous)
		if _, err := c.do(ctx, m, generous); !errors.Is(err, context.DeadlineExceeded) || isUnsent(err) || ctx.Err() != nil {
			t.Errorf("%q: %v, %v", answer, err, ctx.Err())
		}
		cancel()
	}
}

// What is written here must be what net/http writes.
func TestARequestIsTheStandardTransports(t *testing.T) {
	t.Parallel()
	file := File{Name: "f.txt", Size: 4, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("data")), nil }}
	for name, change := range map[string]func(*message){
		"a read":         func(m *message) { m.method, m.json = http.MethodGet, nil },
		"a write":        func(*message) {},
		"without a body": func(m *message) { m.method, m.json = http.MethodPost, nil },
		"a query":        func(m *message) { m.query = "ref_id=a+b%26&limit=2" },
		"for a job":      func(m *message) { m.job, m.authorization = "observation-0-1", "Token t" },
		"traced":         func(m *message) { m.traced = http.Header{"Traceparent": {" a "}, "X-Two": {"a", "b: c"}} },
		"a file": func(m *message) {
			m.method, m.json, m.file = http.MethodPost, nil, newMultipart([][2]string{{"name", "é"}}, "attachment", file)
		},
		"a path": func(m *message) { m.to = newOrigin("http://ciso.example:8000/ciso/api") },
	} {
		m := messageTo(newDirect(&http.Transport{}, 1, time.Now), http.MethodPatch, "http://ciso.example:8000/api/x/", "{}")
		change(m)
		read := func(text []byte) (*http.Request, string) {
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
			if err != nil {
				t.Fatalf("%s: %v of %q", name, err, text)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return r, string(body)
		}
		var standard bytes.Buffer
		req, err := m.http(t.Context())
		if err == nil {
			err = req.Write(&standard)
		}
		if err != nil {
			t.Fatal(err)
		}
		own, err := m.compose(nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, body := read(own)
		want, wantBody := read(standard.Bytes())
		if got.Method != want.Method || got.RequestURI != want.RequestURI || got.Host != want.Host || got.ContentLength != want.ContentLength ||
			len(got.TransferEncoding) > 0 || body != wantBody || !reflect.DeepEqual(got.Header, want.Header) {
			t.Errorf("%s:\n%q, want\n%q", name, own, standard.Bytes())
		}
	}
}

func TestAFileThatHasBecomeShorterIsNotSent(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); echo(w, r) }))
	d, _ := dials(t, server)
	for size, sent := range map[int64]bool{2: true, 3: false, 100: false} {
		content := &closing{Reader: strings.NewReader("ab")}
		m := messageTo(d, http.MethodPost, server.URL, "")
		m.file = newMultipart(nil, "file", File{Name: "f", Size: size, Open: func() (io.ReadCloser, error) { return content, nil }})
		if _, err := d.ask(t.Context(), m, time.Time{}); (err == nil) != sent || err != nil && !isUnsent(err) {
			t.Errorf("announced as %d bytes: %v", size, err)
		}
		if !content.closed {
			t.Errorf("announced as %d bytes: the file is open", size)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("%d requests came", n)
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

// The deadline is the connection's: neither a read that it ends nor one after it may
// be repeated or hang, and a write that it ends may have been carried out.
func TestADeadlineEndsARequest(t *testing.T) {
	t.Parallel()
	var hang atomic.Bool
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hang.Load() {
			<-release
		}
		echo(w, r)
	}))
	d, count := dials(t, server)
	t.Cleanup(func() { close(release) })
	for _, method := range []string{http.MethodGet, http.MethodPatch} {
		for _, deadline := range []time.Time{time.Now().Add(time.Minute), {}} {
			if err := send(t.Context(), d, method, server.URL, "", deadline); err != nil { // there is a line from now on
				t.Fatal(err)
			}
		}
		hang.Store(true)
		before := count.Load()
		if err := send(t.Context(), d, method, server.URL, "", time.Now().Add(generous)); !errors.Is(err, context.DeadlineExceeded) || isUnsent(err) {
			t.Errorf("%s: %v", method, err)
		}
		if n := count.Load() - before; n != 0 { // a second try has a connection of its own
			t.Errorf("%s was asked %d times more", method, n)
		}
		hang.Store(false)
	}
}

// Neither the deadline of a former request nor the time that it may take unwatched
// says anything about the next one.
func TestALineIsUsedAgainWhateverTheDeadlineWas(t *testing.T) {
	t.Parallel()
	var slow atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slow.Load() {
			time.Sleep(patience + 10*time.Millisecond) // so that it is watched
		}
		echo(w, r)
	}))
	d, count := dials(t, server)
	for _, size := range []int{10, mostDirect} {
		for _, slowly := range []bool{false, true} {
			slow.Store(slowly)
			want := strings.Repeat("x", size)
			deadline := time.Now().Add(generous)
			a, err := d.ask(t.Context(), messageTo(d, http.MethodPatch, server.URL, want), deadline)
			if err != nil {
				t.Fatalf("%d bytes, slow: %v: %v", size, slowly, err)
			}
			if string(a.body) != want {
				t.Errorf("%d of %d bytes", len(a.body), size)
			}
			time.Sleep(time.Until(deadline)) // it must have passed when the next one begins
		}
	}
	if n := count.Load(); n != 1 {
		t.Errorf("%d connections were opened, want 1", n)
	}
}

func TestAnAnswerThatStallsIsGivenUpWithItsContext(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"before it begins": "", "in its head": "HTTP/1.1 200 OK\r\nContent-", "in its body": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
	} {
		address := raw(t, func([]byte) string { return answer })
		for _, size := range []int{10, mostDirect} {
			d := newDirect(&http.Transport{}, 4, time.Now)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(patience/2, cancel)
			if _, err := ask(ctx, d, http.MethodPatch, address, strings.Repeat("x", size)); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, %d bytes: %v", name, size, err)
			}
			if len(d.idle) != 0 {
				t.Errorf("%s, %d bytes: the line is kept", name, size)
			}
		}
	}
}
