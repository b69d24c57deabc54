package stage

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Wire leads TCP connections to an address, and can be cut: then nothing gets
// through, and nobody is told.
type Wire struct {
	net.Listener
	to string

	Asked, Left atomic.Int64 // when something last came in, and when a connection was closed; Unix nanoseconds

	mu   sync.Mutex
	mend chan struct{} // not nil: cut; closed when it is mended
}

// NewWire listens on an address and leads to another one.
func NewWire(listen, to string) (*Wire, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	w := &Wire{Listener: l, to: to}
	go w.accept()
	return w, nil
}

// Close mends the wire and takes no more connections.
func (w *Wire) Close() error {
	w.Mend()
	return w.Listener.Close()
}

func (w *Wire) accept() {
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
		go w.lead(near, far, &w.Asked, &w.Left)
		go w.lead(far, near, &atomic.Int64{}, &atomic.Int64{})
	}
}

func (w *Wire) lead(from, to net.Conn, at, left *atomic.Int64) {
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

func (w *Wire) wait() {
	w.mu.Lock()
	mend := w.mend
	w.mu.Unlock()
	if mend != nil {
		<-mend
	}
}

// Cut has nothing get through from now on.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mend == nil {
		w.mend = make(chan struct{})
	}
}

// Mend lets through what waits, and all that comes.
func (w *Wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mend != nil {
		close(w.mend)
		w.mend = nil
	}
}
