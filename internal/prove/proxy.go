package main

import (
	"io"
	"net"
	"sync"
)

// proxy stands before the API, so that it can be refused and cut off.
type proxy struct {
	addr, target string

	mu       sync.Mutex
	listener net.Listener // nil: connections are refused
	open     map[net.Conn]bool
}

func newProxy(target string) (*proxy, error) {
	p := &proxy{addr: "127.0.0.1:0", target: target, open: make(map[net.Conn]bool)}
	if err := p.accept(); err != nil {
		return nil, err
	}
	return p, nil
}

// accept takes connections, again on the same port.
func (p *proxy) accept() error {
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.listener, p.addr = l, l.Addr().String()
	p.mu.Unlock()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // refuse has closed it
			}
			go p.serve(conn)
		}
	}()
	return nil
}

// refuse ends all connections, and new ones are refused.
func (p *proxy) refuse() {
	p.mu.Lock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	p.mu.Unlock()
	p.cut()
}

// cut resets all connections and returns how many there were. What they
// carried may have had its effect or not.
func (p *proxy) cut() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
		n++
	}
	return n
}

func (p *proxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = client.Close()
		return
	}
	p.mu.Lock()
	p.open[client] = true
	p.mu.Unlock()
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite() // the API answers what it has got
		close(done)
	}()
	_, _ = io.Copy(client, server)
	_ = client.Close()
	<-done
	_ = server.Close()
	p.mu.Lock()
	delete(p.open, client)
	p.mu.Unlock()
}
