package ciso

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// mostHead bounds the head of an answer, bytes.
const mostHead = 1 << 20

var errLongHead = errors.New("the head of the answer has no end")

// line is a connection that carries one request at a time.
type line struct {
	net.Conn
	in    *bufio.Reader
	out   []byte
	left  int64     // bytes that may still be read
	since time.Time // it is idle
	used  bool      // by a request before

	ctx      context.Context // of the request that it carries
	deadline time.Time       // of that; zero: none
	stop     func() bool     // the end of ctx is watched; nil: not yet
}

// patience is how long the other side is waited for until the request is watched: from
// then on it ends with its context, and at its deadline. To watch each from its
// beginning costs twice as much as composing it.
const patience = 50 * time.Millisecond

// open connects to a server.
func (d *direct) open(ctx context.Context, to *url.URL) (*line, error) {
	port := to.Port()
	if port == "" {
		port = "80"
	}
	conn, err := d.dial(ctx, "tcp", net.JoinHostPort(to.Hostname(), port))
	if err != nil {
		return nil, err
	}
	l := &line{Conn: conn}
	l.in = bufio.NewReader(l)
	return l, nil
}

// Read reads what is allowed.
func (l *line) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLongHead
	}
	p = p[:min(int64(len(p)), l.left)]
	n, err := l.Conn.Read(p)
	if n == 0 && l.stop == nil && errors.Is(err, os.ErrDeadlineExceeded) {
		l.watch()
		n, err = l.Conn.Read(p)
	}
	l.left -= int64(n)
	return n, err
}

// begin makes the line that of a request.
func (l *line) begin(ctx context.Context, deadline time.Time) {
	l.ctx, l.deadline, l.stop = ctx, deadline, nil
	soon := time.Now().Add(patience)
	if !deadline.IsZero() && deadline.Before(soon) {
		soon = deadline
	}
	_ = l.SetDeadline(soon) // on a connection that is closed all else fails, too
}

// watch has the end of the request's context, or its deadline, end what waits for
// the other side.
func (l *line) watch() {
	_ = l.SetDeadline(l.deadline) // before the abort can come, which it would undo
	l.stop = context.AfterFunc(l.ctx, func() { _ = l.SetDeadline(time.Unix(1, 0)) })
}

// end makes it nobody's again, and reports whether it may carry another request:
// it is not being aborted.
func (l *line) end() (whole bool) {
	l.ctx = nil
	return l.stop == nil || l.stop()
}

// exchange sends a request in one piece, if it is still wanted and permitted, and
// reads the head of its answer.
func (l *line) exchange(req *http.Request) (*http.Response, error) {
	var err error
	if l.out, err = compose(l.out[:0], req); err != nil {
		return nil, &notSentError{err}
	}
	if err := req.Context().Err(); err != nil {
		return nil, &notSentError{err}
	}
	if !l.deadline.IsZero() && !time.Now().Before(l.deadline) { // this process stood still
		return nil, &notSentError{context.DeadlineExceeded}
	}
	if err := l.send(req.Context()); err != nil {
		return nil, err
	}
	l.left = mostHead
	for {
		resp, err := http.ReadResponse(l.in, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
			l.left = math.MaxInt64
			return resp, nil
		}
	}
}

// send writes the composed request, if it is permitted: that is asked right before,
// whatever came between.
func (l *line) send(ctx context.Context) error {
	if !permitted(ctx) {
		return errNotPermitted
	}
	n, err := l.Write(l.out)
	if errors.Is(err, os.ErrDeadlineExceeded) && l.stop == nil {
		l.watch()
		if n == 0 && !permitted(ctx) {
			return errNotPermitted
		}
		more := 0
		more, err = l.Write(l.out[n:])
		n += more
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && n == 0 {
		return &notSentError{late(ctx, err)}
	}
	return err
}

// compose appends a request to out that [direct.takes] has found ordinary (RFC 9112,
// 3 and 6.3). Header fields come in any order.
func compose(out []byte, req *http.Request) ([]byte, error) {
	target := req.URL.RequestURI()
	if !ordinary(target) {
		return out, fmt.Errorf("%q cannot be in a request line", target)
	}
	out = append(out, req.Method...)
	out = append(out, ' ')
	out = append(out, target...)
	out = append(out, " HTTP/1.1\r\nHost: "...)
	out = append(out, req.Host...)
	for name, values := range req.Header {
		for _, v := range values {
			out = append(out, "\r\n"...)
			out = append(out, name...)
			out = append(out, ": "...)
			out = append(out, strings.TrimSpace(v)...)
		}
	}
	if req.Body != nil || req.Method == http.MethodPost || req.Method == http.MethodPatch || req.Method == http.MethodPut {
		out = append(out, "\r\nContent-Length: "...)
		out = strconv.AppendInt(out, req.ContentLength, 10)
	}
	out = append(out, "\r\n\r\n"...)
	if req.Body == nil {
		return out, nil
	}
	head, all := len(out), len(out)+int(req.ContentLength)
	out = slices.Grow(out, int(req.ContentLength)+1)[:all+1]
	n, err := io.ReadFull(req.Body, out[head:]) // one more than there should be
	switch {
	case err == nil:
		return out[:head], fmt.Errorf("the body has more than the %d bytes that were announced", req.ContentLength)
	case !errors.Is(err, io.ErrUnexpectedEOF) || head+n != all:
		return out[:head], fmt.Errorf("read %d of the body's %d bytes: %w", n, req.ContentLength, err)
	}
	return out[:all], nil
}

// quiet reports whether an idle connection is open and nothing has come on it:
// what comes before it was asked for belongs to no request.
func (l *line) quiet() (open bool) {
	socket, ok := l.Conn.(syscall.Conn)
	if !ok || l.in.Buffered() > 0 {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	var one [1]byte
	err = raw.Control(func(fd uintptr) { // not Read: the deadline of the former request may have passed
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		open = errors.Is(err, syscall.EAGAIN)
	})
	return err == nil && open
}

// answerBody gives its line back when it was read to its end.
type answerBody struct {
	io.ReadCloser
	ctx  context.Context // of the request
	line *line
	pool *direct
	keep bool
	done bool
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.end(b.keep)
	case err != nil:
		b.end(false)
		err = late(b.ctx, err)
	}
	return n, err
}

// Close ends the connection, if not all was read.
func (b *answerBody) Close() error {
	b.end(false)
	return nil
}

func (b *answerBody) end(keep bool) {
	if b.done {
		return
	}
	b.done = true
	if !b.line.end() || !keep {
		_ = b.line.Close()
		return
	}
	b.pool.put(b.line)
}
