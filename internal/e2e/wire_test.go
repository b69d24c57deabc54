package e2e

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// wire leads TCP connections to an address, and can be cut: then nothing gets
// through, and nobody is told.
type wire struct {
	net.Listener
	to string

	asked, left atomic.Int64 // when something last came in, and when a connection was closed; Unix nanoseconds

	mu   sync.Mutex
	mend chan struct{} // not nil: cut; closed when it is mended
}

func newWire(t *testing.T, listen, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, to: to}
	t.Cleanup(func() {
		w.Mend()
		_ = l.Close()
	})
	go w.accept()
	return w
}

func (w *wire) accept() {
	for {
		near, err := w.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		go w.lead(near, far, &w.asked, &w.left)
		go w.lead(far, near, &atomic.Int64{}, &atomic.Int64{})
	}
}

func (w *wire) lead(from, to net.Conn, at, left *atomic.Int64) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		w.wait()
		if n > 0 {
			at.Store(time.Now().UnixNano())
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			left.Store(time.Now().UnixNano())
			return
		}
	}
}

func (w *wire) wait() {
	w.mu.Lock()
	mend := w.mend
	w.mu.Unlock()
	if mend != nil {
		<-mend
	}
}

func (w *wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mend = make(chan struct{})
}

func (w *wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mend != nil {
		close(w.mend)
		w.mend = nil
	}
}
