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

	mu    sync.Mutex
	mend  chan struct{} // not nil: cut; closed when it is mended
	lines []*line       // that are not held
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
		l := &line{near: near, chunks: make(chan []byte, 1024)}
		w.mu.Lock()
		w.lines = append(w.lines, l)
		w.mu.Unlock()
		go l.read()
		go w.write(l, far)
		go w.lead(l, far)
	}
}

// line is one connection. What comes in is read also while nothing gets through.
type line struct {
	near   net.Conn
	chunks chan []byte
	hold   atomic.Pointer[chan struct{}] // what came in waits for it
}

func (l *line) read() {
	defer close(l.chunks)
	for {
		buffer := make([]byte, 64<<10)
		n, err := l.near.Read(buffer)
		if n > 0 {
			l.chunks <- buffer[:n]
		}
		if err != nil {
			return
		}
	}
}

func (w *Wire) write(l *line, to net.Conn) {
	defer l.near.Close()
	defer to.Close()
	for chunk := range l.chunks {
		w.wait()
		if hold := l.hold.Load(); hold != nil {
			<-*hold
		}
		w.Asked.Store(time.Now().UnixNano())
		if _, err := to.Write(chunk); err != nil {
			return
		}
	}
	w.wait()
	if hold := l.hold.Load(); hold != nil {
		<-*hold
	}
	w.Left.Store(time.Now().UnixNano())
}

func (w *Wire) lead(l *line, from net.Conn) {
	defer from.Close()
	defer l.near.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		w.wait()
		if n > 0 {
			if _, err := l.near.Write(buffer[:n]); err != nil && l.hold.Load() == nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// Hold has what comes in on the present connections wait, as in the buffers of a
// proxy that stands still; others are led as ever. drop ends them for those who
// made them, and release lets through what was sent before.
func (w *Wire) Hold() (drop, release func()) {
	until := make(chan struct{})
	w.mu.Lock()
	held := w.lines
	w.lines = nil
	w.mu.Unlock()
	for _, l := range held {
		l.hold.Store(&until)
	}
	drop = func() {
		for _, l := range held {
			_ = l.near.Close()
		}
	}
	return drop, sync.OnceFunc(func() { close(until) })
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
