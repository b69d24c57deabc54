package ciso

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"dispatcher/jobs"
)

// errNotPermitted says that a request was not sent: the lease of its job, or the
// session of this process, has ended.
var errNotPermitted = fmt.Errorf("not sent: the job is another's by now: %w", jobs.ErrLapsed)

// errCutOff says that a request was not sent whole, because its lease ended.
var errCutOff = errors.New("cut off: the lease of this job has ended")

type permitKey struct{}

// WithPermit returns a context whose requests are sent only as long as valid says
// so. It is asked right before bytes are written, so that a process that was
// stopped on the way sends nothing when it wakes; see [Config.Guarded]. A valid of nil permits all.
func WithPermit(ctx context.Context, valid func() bool) context.Context {
	if valid == nil {
		return ctx
	}
	return context.WithValue(ctx, permitKey{}, valid)
}

func permitOf(ctx context.Context) func() bool {
	valid, _ := ctx.Value(permitKey{}).(func() bool)
	return valid
}

func permitted(ctx context.Context) bool {
	valid := permitOf(ctx)
	return valid == nil || valid()
}

// guardedConn writes nothing for a request that is not permitted any more.
type guardedConn struct {
	net.Conn
	permit atomic.Pointer[func() bool] // of the request that has the connection
}

func (c *guardedConn) Write(p []byte) (int, error) {
	if valid := c.permit.Load(); valid != nil && !(*valid)() {
		return 0, errCutOff
	}
	return c.Conn.Write(p)
}

// guard makes a transport look before each write. A connection has one request
// at a time: HTTP/2 is left out.
func guard(t *http.Transport) {
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &guardedConn{Conn: conn}, nil
	}
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = make(map[string]func(string, *tls.Conn) http.RoundTripper)
}

// guarded gives a connection of a transport with [guard] the permit of the
// request that gets it.
func guarded(ctx context.Context) context.Context {
	valid := permitOf(ctx)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		conn := info.Conn
		if secure, ok := conn.(*tls.Conn); ok {
			conn = secure.NetConn()
		}
		if g, ok := conn.(*guardedConn); ok {
			if valid == nil {
				g.permit.Store(nil)
				return
			}
			g.permit.Store(&valid)
		}
	}})
}
