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
	var err error
	if l.out, err = compose(l.out[:0], req); err != nil {
		return nil, &notSentError{err}
	}
	if err := req.Context().Err(); err != nil {
		return nil, &notSentError{err}
	}
	if !permitted(req.Context()) {
		return nil, errNotPermitted
	}
	if _, err := l.Write(l.out); err != nil {
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

// compose appends a request to out that [direct.takes] has found ordinary (RFC 9112,
// 3 and 6.3). Header fields come in any order.
func compose(out []byte, req *http.Request) ([]byte, error) {
	target := req.URL.RequestURI()
	if !ordinary(target) || !ordinary(req.Method) {
		return out, fmt.Errorf("%s %q cannot be a request line", req.Method, target)
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
	if req.Body != nil || req.Method != http.MethodGet {
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
	if err == nil || !errors.Is(err, io.ErrUnexpectedEOF) || head+n != all {
		return out[:head], fmt.Errorf("the body is not the %d bytes that were announced: %d were read (%w)", req.ContentLength, n, err)
	}
	return out[:all], nil
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
	if !b.stop() || !keep {
		_ = b.line.Close()
		return
	}
	b.pool.put(b.line)
}
