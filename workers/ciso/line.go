package ciso

import (
	"bufio"
	"context"
	"errors"
	"math"
	"net"
	"net/url"
	"os"
	"syscall"
	"time"
)

// mostHead bounds the head of an answer, bytes.
const mostHead = 1 << 20

var errLongHead = errors.New("the head of the answer has no end")

// line is a connection that carries one request at a time.
type line struct {
	net.Conn
	raw    syscall.RawConn  // nil: it has none
	peek   func(fd uintptr) // [line.peekAt]: made once, not for each look
	peeked [1]byte
	open   bool // what it found
	in     *bufio.Reader
	out    []byte
	left   int64     // bytes that may still be read
	since  time.Time // it is idle
	used   bool      // by a request before

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
	if socket, ok := conn.(syscall.Conn); ok {
		if l.raw, err = socket.SyscallConn(); err != nil {
			_ = conn.Close()
			return nil, err
		}
		l.peek = l.peekAt
	}
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

// begin lets a request wait for the other side for a moment, unwatched; false: the
// request's time is over.
func (l *line) begin(now time.Time) bool {
	if !l.deadline.IsZero() && !now.Before(l.deadline) {
		return false
	}
	soon := now.Add(patience)
	if !l.deadline.IsZero() && l.deadline.Before(soon) {
		soon = l.deadline
	}
	_ = l.SetDeadline(soon) // on a connection that is closed all else fails, too
	return true
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

// exchange sends a message in one piece, if it is still wanted and permitted, and
// reads the head of its answer.
func (l *line) exchange(m *message) (*head, error) {
	var err error
	if l.out, err = m.compose(l.out[:0]); err != nil {
		return nil, &notSentError{err}
	}
	if err := l.ctx.Err(); err != nil {
		return nil, &notSentError{err}
	}
	if !l.begin(time.Now()) { // this process stood still
		return nil, &notSentError{context.DeadlineExceeded}
	}
	if err := l.send(); err != nil {
		return nil, err
	}
	l.left = mostHead
	h, err := readHead(l.in, m.method)
	l.left = math.MaxInt64
	return h, err
}

// send writes the composed request, if it is permitted: that is asked right before,
// whatever came between.
func (l *line) send() error {
	if !permitted(l.ctx) {
		return errNotPermitted
	}
	n, err := l.Write(l.out)
	if errors.Is(err, os.ErrDeadlineExceeded) && l.stop == nil {
		l.watch()
		if n == 0 && !permitted(l.ctx) {
			return errNotPermitted
		}
		more := 0
		more, err = l.Write(l.out[n:])
		n += more
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && n == 0 {
		return &notSentError{late(l.ctx, err)}
	}
	return err
}

// quiet reports whether an idle connection is open and nothing has come on it:
// what comes before it was asked for belongs to no request.
func (l *line) quiet() (open bool) {
	if l.raw == nil || l.in.Buffered() > 0 {
		return false
	}
	l.open = false
	err := l.raw.Control(l.peek) // not Read: the deadline of the former request may have passed
	return err == nil && l.open
}

func (l *line) peekAt(fd uintptr) {
	_, _, err := syscall.Recvfrom(int(fd), l.peeked[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	l.open = err == syscall.EAGAIN
}
