package ciso

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// slowServer is a connection whose other side takes what read takes.
func slowServer(t *testing.T, read func(conn net.Conn)) *direct {
	t.Helper()
	d := newDirect(&http.Transport{}, 4, time.Now)
	d.dial = func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe() // a write waits until it is read
		t.Cleanup(func() { _ = there.Close() })
		go read(there)
		return here, nil
	}
	return d
}

// generous is time enough for what a busy machine does at once.
const generous = 10 * patience

// take reads n bytes and then nothing more.
func take(n int64) func(net.Conn) {
	return func(conn net.Conn) { _, _ = io.CopyN(io.Discard, conn, n) }
}

// send asks, and drops the answer.
func send(ctx context.Context, d *direct, method, address, body string, deadline time.Time) error {
	_, err := d.ask(ctx, messageTo(d, method, address, body), deadline)
	return err
}

func write(ctx context.Context, d *direct, deadline time.Time) error {
	return send(ctx, d, http.MethodPatch, "http://ciso.example/x/", "body", deadline)
}

// TestAWriteThatIsNotTakenEnds: a server may have stopped to read. What it has got a
// part of may have been carried out.
func TestAWriteThatIsNotTakenEnds(t *testing.T) {
	t.Parallel()
	for _, taken := range []int64{0, 10} {
		if err := write(t.Context(), slowServer(t, take(taken)), time.Now().Add(generous)); !errors.Is(err, context.DeadlineExceeded) || isUnsent(err) != (taken == 0) {
			t.Errorf("deadline, %d bytes taken: %v, unsent: %v", taken, err, isUnsent(err))
		}
		ctx, cancel := context.WithCancel(t.Context())
		d := slowServer(t, func(conn net.Conn) {
			take(taken)(conn)
			cancel()
		})
		if err := write(ctx, d, time.Time{}); !errors.Is(err, context.Canceled) || isUnsent(err) != (taken == 0) {
			t.Errorf("context, %d bytes taken: %v, unsent: %v", taken, err, isUnsent(err))
		}
	}
}

func TestAWriteThatIsTakenLateGetsThrough(t *testing.T) {
	t.Parallel()
	for _, first := range []int64{0, 10} {
		d := slowServer(t, func(conn net.Conn) {
			in := bufio.NewReader(io.MultiReader(io.LimitReader(conn, first), waitThen(conn)))
			req, err := http.ReadRequest(in)
			if err != nil {
				t.Error(err)
				return
			}
			if body, err := io.ReadAll(req.Body); err != nil || string(body) != "body" {
				t.Errorf("%q, %v", body, err)
			}
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
		})
		if err := write(t.Context(), d, time.Time{}); err != nil {
			t.Errorf("%d bytes at once: %v", first, err)
		}
	}
}

// waitThen reads after the time in which a request is not watched.
func waitThen(r io.Reader) io.Reader {
	waited := false
	return readerFunc(func(p []byte) (int, error) {
		if !waited {
			time.Sleep(2 * patience) // its first write must have been given up
			waited = true
		}
		return r.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAPermitThatEndsWhileNothingIsTakenSendsNothing(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	ctx := WithPermit(t.Context(), func() bool { return asked.Add(1) == 1 })
	if err := write(ctx, slowServer(t, take(0)), time.Time{}); !errors.Is(err, errNotPermitted) {
		t.Error(err)
	}
}

// TestNothingIsWrittenOnceItsTimeIsOver: this process may have stood still since the
// request began.
func TestNothingIsWrittenOnceItsTimeIsOver(t *testing.T) {
	t.Parallel()
	got := make(chan int64, 1)
	d := slowServer(t, func(conn net.Conn) {
		n, _ := io.Copy(io.Discard, conn)
		got <- n
	})
	dial := d.dial
	d.dial = func(_ context.Context, network, address string) (net.Conn, error) {
		return dial(t.Context(), network, address) // it came about in time
	}
	if err := write(t.Context(), d, time.Now().Add(-time.Second)); !errors.Is(err, context.DeadlineExceeded) || !isUnsent(err) {
		t.Errorf("%v, unsent: %v", err, isUnsent(err))
	}
	if n := <-got; n != 0 {
		t.Errorf("%d bytes were sent", n)
	}
}

// TestAReadIsRepeatedOnceHoweverManyLinesAreIdle: a server that restarts has closed all.
func TestAReadIsRepeatedOnceHoweverManyLinesAreIdle(t *testing.T) {
	t.Parallel()
	var dead atomic.Bool
	var asked atomic.Int64
	gate := make(chan struct{}) // holds the first answers back, so that each has its connection
	const lines = 4
	serve := func(conn net.Conn) {
		defer conn.Close()
		for in := bufio.NewReader(conn); ; {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			if asked.Add(1) == lines {
				close(gate)
			}
			if dead.Load() {
				return
			}
			<-gate
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
		}
	}
	address := accept(t, serve)
	d := newDirect(&http.Transport{}, lines, time.Now)
	done := make(chan error)
	for range lines {
		go func() {
			_, err := ask(t.Context(), d, http.MethodGet, address, "")
			done <- err
		}()
	}
	for range lines {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	dead.Store(true)
	if _, err := ask(t.Context(), d, http.MethodGet, address, ""); err == nil {
		t.Error("it was answered")
	}
	if n := asked.Load() - lines; n != 2 {
		t.Errorf("it was asked %d times, want 2", n)
	}
	if n := len(d.idle); n != lines-1 {
		t.Errorf("%d lines are kept, want those that were not tried: %d", n, lines-1)
	}
}
