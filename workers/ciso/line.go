package ciso

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
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
	out   bytes.Buffer
	left  int64     // bytes that may still be read
	since time.Time // it is idle
	used  bool      // by a request before
}

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
	n, err := l.Conn.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// exchange sends a request in one piece, if it is still wanted and permitted, and
// reads the head of its answer.
func (l *line) exchange(req *http.Request) (*http.Response, error) {
	l.out.Reset()
	if err := req.Write(&l.out); err != nil {
		return nil, &notSentError{err}
	}
	if err := req.Context().Err(); err != nil {
		return nil, &notSentError{err}
	}
	if !permitted(req.Context()) {
		return nil, errNotPermitted
	}
	if _, err := l.Write(l.out.Bytes()); err != nil {
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

// abort ends what waits for the other side.
func (l *line) abort() { _ = l.SetDeadline(time.Unix(1, 0)) }

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
	err = raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		open = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && open
}

// answerBody gives its line back when it was read to its end.
type answerBody struct {
	io.ReadCloser
	ctx  context.Context // of the request
	line *line
	pool *direct
	stop func() bool // false: the line is being aborted
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
		if b.ctx.Err() != nil {
			err = b.ctx.Err()
		}
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
	if !b.stop() || !keep {
		_ = b.line.Close()
		return
	}
	b.pool.put(b.line)
}
