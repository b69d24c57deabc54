package fakeciso

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// socket is where the server listens.
type socket struct {
	mu   sync.Mutex
	addr string
	http *http.Server // nil while nothing listens
}

// Start serves on addr ("" for any port of loopback) and returns the base of
// the API.
func (s *Server) Start(addr string) (base string, err error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	s.socket.mu.Lock()
	defer s.socket.mu.Unlock()
	if err := s.listen(addr); err != nil {
		return "", err
	}
	return "http://" + s.socket.addr + "/api", nil
}

// listen opens the socket; its lock is held.
func (s *Server) listen(addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("start stand-in: %w", err)
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.socket.addr, s.socket.http = listener.Addr().String(), server
	go func() { _ = server.Serve(listener) }() // ends with Close or Pause
	return nil
}

// Pause closes the socket and what is connected to it: until Resume, whoever
// calls is refused.
func (s *Server) Pause() error { return s.Close() }

// Resume listens again where Start did.
func (s *Server) Resume() error {
	s.socket.mu.Lock()
	defer s.socket.mu.Unlock()
	if s.socket.addr == "" || s.socket.http != nil {
		return errors.New("resume stand-in: it is not paused")
	}
	return s.listen(s.socket.addr)
}

// Close ends the server.
func (s *Server) Close() error {
	s.socket.mu.Lock()
	defer s.socket.mu.Unlock()
	server := s.socket.http
	s.socket.http = nil
	if server == nil {
		return nil
	}
	return server.Close()
}
