package ciso

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// line is a connection that carries one request at a time.
type line struct {
	net.Conn
	socket syscall.Conn // below TLS
	in     *bufio.Reader
	out    bytes.Buffer
	since  time.Time // it is idle
	used   bool      // by a request before
}

// open connects to a server, with TLS if the address says so.
func (d *direct) open(ctx context.Context, to *url.URL) (*line, error) {
	port := to.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[to.Scheme]
	}
	conn, err := d.dial(ctx, "tcp", net.JoinHostPort(to.Hostname(), port))
	if err != nil {
		return nil, err
	}
	l := &line{Conn: conn}
	l.socket, _ = conn.(syscall.Conn)
	if to.Scheme == "https" {
		if l.Conn, err = d.secure(ctx, conn, to.Hostname()); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	l.in = bufio.NewReader(l.Conn)
	return l, nil
}

func (d *direct) secure(ctx context.Context, conn net.Conn, host string) (net.Conn, error) {
	cfg := d.standard.TLSClientConfig.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	ctx, cancel := context.WithTimeout(ctx, d.standard.TLSHandshakeTimeout)
	defer cancel()
	secure := tls.Client(conn, cfg)
	return secure, secure.HandshakeContext(ctx)
}

// exchange sends a request in one piece, if it is still permitted, and reads the
// head of its answer.
func (l *line) exchange(req *http.Request) (*http.Response, error) {
	l.out.Reset()
	if err := req.Write(&l.out); err != nil {
		return nil, &notSentError{err}
	}
	if !permitted(req.Context()) {
		return nil, errNotPermitted
	}
	if _, err := l.Write(l.out.Bytes()); err != nil {
		return nil, err
	}
	for {
		resp, err := http.ReadResponse(l.in, req)
		if err != nil || resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
	}
}

// abort ends what waits for the other side.
func (l *line) abort() { _ = l.SetDeadline(time.Unix(1, 0)) }

// quiet reports whether an idle connection is open and nothing has come on it:
// what comes before it was asked for belongs to no request.
func (l *line) quiet() (open bool) {
	if l.socket == nil {
		return false
	}
	raw, err := l.socket.SyscallConn()
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
	line *line
	pool *direct
	stop func() bool // false: the line is being aborted
	keep bool
	done bool
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.end(b.keep && errors.Is(err, io.EOF))
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
