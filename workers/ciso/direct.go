package ciso

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// mostDirect bounds the requests that go over a line, bytes. A larger one may be
// answered before all of it was sent, and only the standard transport listens
// while it sends.
const mostDirect = 64 << 10

// direct is a transport for small requests to a plain HTTP address, as inside a
// cluster. The standard one keeps two goroutines beside each connection, and handing
// over to them costs this host as much as half of all else about a request; here the
// goroutine that asks writes and reads itself. Answers are still read by net/http.
// All other requests the standard transport has.
type direct struct {
	standard *http.Transport
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	most     int // lines that are kept
	clock    func() time.Time

	mu   sync.Mutex
	idle []*line // the one used last is at the end
}

func newDirect(standard *http.Transport, most int, clock func() time.Time) *direct {
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second} // as the standard transport's
	return &direct{standard: standard, dial: dialer.DialContext, most: most, clock: clock}
}

// RoundTrip implements [http.RoundTripper].
func (d *direct) RoundTrip(req *http.Request) (*http.Response, error) {
	if !d.takes(req) {
		return d.standard.RoundTrip(req.WithContext(guarded(req.Context())))
	}
	deadline, _ := req.Context().Deadline()
	return d.ask(req, deadline)
}

// ask sends a request that it takes, and gives up at the deadline (zero: never) with
// [context.DeadlineExceeded]; that holds for reading the answer's body, too.
func (d *direct) ask(req *http.Request, deadline time.Time) (*http.Response, error) {
	defer closeBody(req)
	for fresh := false; ; fresh = true {
		l, err := d.get(req, deadline, fresh)
		if err != nil {
			return nil, err
		}
		resp, err := d.exchange(l, req, deadline)
		// As the standard transport does: a read is repeated when a server that
		// closes idle connections was quicker. A write may have been carried out.
		if err != nil && l.used && req.Method == http.MethodGet && req.Context().Err() == nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, errNotPermitted) {
			continue
		}
		return resp, err
	}
}

// takes reports whether a request can go over a line: what is out of the ordinary
// is left to the standard transport, which knows what is allowed.
func (d *direct) takes(req *http.Request) bool {
	if req.URL.Scheme != "http" || req.Host != req.URL.Host || !ordinary(req.Host) || strings.Contains(req.Host, "%") {
		return false
	}
	if req.Close || len(req.TransferEncoding) > 0 || len(req.Trailer) > 0 || req.URL.Opaque != "" || req.URL.User != nil {
		return false
	}
	if req.Body == nil && req.ContentLength != 0 || req.Body != nil && (req.ContentLength <= 0 || req.ContentLength > mostDirect) {
		return false
	}
	if !letters(req.Method) || len(req.Header["User-Agent"]) > 1 {
		return false
	}
	for name, values := range req.Header {
		if !letters(name) || frames(name) {
			return false
		}
		for _, v := range values {
			if !plainText(v) {
				return false
			}
		}
	}
	if d.standard.Proxy == nil {
		return true
	}
	proxy, err := d.standard.Proxy(req)
	return proxy == nil && err == nil
}

func plainText(s string) bool { return between(s, ' ', '~') }

// letters reports whether s can be a method or the name of a field, without the signs
// that RFC 9110 allows there, too.
func letters(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}

// frames reports whether a field says where the request ends, or whose it is: that is
// never taken from the headers.
func frames(name string) bool {
	switch len(name) {
	case len("Host"), len("Trailer"), len("Content-Length"), len("Transfer-Encoding"):
		switch strings.ToLower(name) {
		case "host", "trailer", "content-length", "transfer-encoding":
			return true
		}
	}
	return false
}

// ordinary reports whether s is a text without blanks.
func ordinary(s string) bool { return s != "" && between(s, '!', '~') }

func between(s string, low, high byte) bool {
	for i := range len(s) {
		if s[i] < low || s[i] > high {
			return false
		}
	}
	return true
}

// exchange sends a request over a line, which is closed on an error, and is kept
// when the answer was read.
func (d *direct) exchange(l *line, req *http.Request, deadline time.Time) (*http.Response, error) {
	ctx := req.Context()
	l.begin(ctx, deadline)
	resp, err := l.exchange(req)
	if err != nil {
		l.end()
		_ = l.Close()
		if errors.Is(err, errNotPermitted) || isUnsent(err) {
			return nil, err
		}
		return nil, late(ctx, err)
	}
	keep := !resp.Close && resp.StatusCode >= http.StatusOK
	body := &answerBody{ReadCloser: resp.Body, ctx: ctx, line: l, pool: d, keep: keep}
	if resp.Body == http.NoBody {
		body.end(keep)
	}
	resp.Body = body
	return resp, nil
}

// late says that an error is the end of the request's time.
func late(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return context.DeadlineExceeded
	}
	return err
}

// get returns an idle line that is open, or a new one: that always if it is to be
// fresh. A server closes idle connections when it likes; a write on one gets no answer,
// so it is looked at before.
func (d *direct) get(req *http.Request, deadline time.Time, fresh bool) (*line, error) {
	for l := d.last(); l != nil && !fresh; l = d.last() {
		if d.clock().Sub(l.since) < idleTimeout && l.quiet() {
			l.used = true
			return l, nil
		}
		_ = l.Close()
	}
	ctx := req.Context()
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	return d.open(ctx, req.URL)
}

func (d *direct) last() *line {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.idle) - 1
	if n < 0 {
		return nil
	}
	l := d.idle[n]
	d.idle = d.idle[:n]
	return l
}

// put keeps a line for the next request, and closes those that were idle too long.
func (d *direct) put(l *line) {
	l.since = d.clock()
	d.mu.Lock()
	old := 0
	for old < len(d.idle) && l.since.Sub(d.idle[old].since) >= idleTimeout {
		old++
	}
	over := slices.Clone(d.idle[:old])
	d.idle = slices.Delete(d.idle, 0, old)
	if len(d.idle) < d.most {
		d.idle = append(d.idle, l)
	} else {
		over = append(over, l)
	}
	d.mu.Unlock()
	for _, l := range over {
		_ = l.Close()
	}
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] calls.
func (d *direct) CloseIdleConnections() {
	for l := d.last(); l != nil; l = d.last() {
		_ = l.Close()
	}
	d.standard.CloseIdleConnections()
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
