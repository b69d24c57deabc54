package ciso

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
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

// direct sends small requests to a plain HTTP address, as inside a cluster. The
// standard transport keeps two goroutines beside each connection, and handing over to
// them costs this host as much as half of all else about a request; here the goroutine
// that asks writes and reads itself. Answers that are out of the ordinary are read by
// net/http. All other requests the standard transport has.
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

// ask sends a message that it takes, and gives up at the deadline (zero: never) with
// [context.DeadlineExceeded]; that holds for reading the answer's body, too.
func (d *direct) ask(ctx context.Context, m *message, deadline time.Time) (*answer, error) {
	for fresh := false; ; fresh = true {
		l, err := d.get(ctx, m.to, deadline, fresh)
		if err != nil {
			return nil, err
		}
		h, err := d.exchange(ctx, l, m, deadline)
		// As the standard transport does: a read is repeated when a server that
		// closes idle connections was quicker. A write may have been carried out.
		if err != nil && l.used && m.method == http.MethodGet && ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, errNotPermitted) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return d.read(ctx, l, h)
	}
}

// reaches reports whether an address is one of those that it is for: what is out of
// the ordinary is left to the standard transport, which knows what is allowed.
func (d *direct) reaches(to *url.URL) bool {
	if to.Scheme != "http" || !ordinary(to.Host) || strings.Contains(to.Host, "%") || !plainPath(to.Path) {
		return false
	}
	if d.standard.Proxy == nil {
		return true
	}
	proxy, err := d.standard.Proxy(&http.Request{URL: to})
	return proxy == nil && err == nil
}

// takes reports whether a message can go over a line.
func (d *direct) takes(m *message) bool {
	if !plainPath(m.path) || !between(m.query, '!', '~') || m.length() > mostDirect {
		return false
	}
	for name, value := range m.fields {
		if !letters(name) || frames(name) || !plainText(value) {
			return false
		}
	}
	return true
}

// plainPath reports whether s stands in a request line as it is.
func plainPath(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '/' && c != '-' && c != '.' && c != '_' && c != '~' {
			return false
		}
	}
	return true
}

func plainText(s string) bool { return between(s, ' ', '~') }

// letters reports whether s can be a method or the name of a field, without the signs
// that RFC 9110 allows there, too.
func letters[T string | []byte](s T) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(s) > 0
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

func between[T string | []byte](s T, low, high byte) bool {
	for i := range len(s) {
		if s[i] < low || s[i] > high {
			return false
		}
	}
	return true
}

// exchange sends a message over a line and reads the head of the answer. The line is
// closed on an error.
func (d *direct) exchange(ctx context.Context, l *line, m *message, deadline time.Time) (*head, error) {
	l.ctx, l.deadline, l.stop = ctx, deadline, nil
	h, err := l.exchange(m)
	if err == nil {
		return h, nil
	}
	l.end()
	_ = l.Close()
	if errors.Is(err, errNotPermitted) || isUnsent(err) {
		return nil, err
	}
	return nil, late(ctx, err)
}

// read reads the rest of an answer, and keeps its line for the next one.
func (d *direct) read(ctx context.Context, l *line, h *head) (*answer, error) {
	err := h.read(l.in)
	if !l.end() || err != nil || !h.keep {
		_ = l.Close()
	} else {
		d.put(l)
	}
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", late(ctx, err))
	}
	return &h.answer, nil
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
func (d *direct) get(ctx context.Context, to *origin, deadline time.Time, fresh bool) (*line, error) {
	for !fresh {
		l := d.last()
		if l == nil {
			break
		}
		if d.clock().Sub(l.since) < idleTimeout && l.quiet() {
			l.used = true
			return l, nil
		}
		_ = l.Close()
	}
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	return d.open(ctx, to.url)
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
