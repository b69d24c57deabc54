package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// stub is the cheapest API that the dispatcher takes for one: it answers the
// light list with one row, and a PATCH with the fields that were sent. It costs
// little, so that what is measured is the dispatcher.
type stub struct {
	latency atomic.Int64 // of every answer, nanoseconds
	patches atomic.Int64
	last    atomic.Int64                  // Unix nanoseconds of the last PATCH
	workers atomic.Pointer[chan struct{}] // nil: as many as are asked for
	flight  atomic.Int64                  // requests that wait for their answer
	most    atomic.Int64                  // of these at a time
}

func (s *stub) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go s.connection(conn)
	}
}

func (s *stub) connection(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 8<<10)
	var out []byte
	for {
		method, path, body, err := readRequest(r)
		if err != nil {
			return
		}
		if n := s.flight.Add(1); n > s.most.Load() {
			s.most.Store(n)
		}
		if strings.HasPrefix(path, "/api/") {
			s.work()
		}
		answer := s.answer(method, path, body)
		s.flight.Add(-1)
		out = append(out[:0], "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "...)
		out = strconv.AppendInt(out, int64(len(answer)), 10)
		out = append(append(out, "\r\n\r\n"...), answer...)
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}

// work takes the time of an answer, in one of the workers.
func (s *stub) work() {
	if workers := s.workers.Load(); workers != nil {
		*workers <- struct{}{}
		defer func() { <-*workers }()
	}
	if d := s.latency.Load(); d > 0 {
		time.Sleep(time.Duration(d))
	}
}

// readRequest reads one request without allocating more than its parts.
func readRequest(r *bufio.Reader) (method, path string, body []byte, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return "", "", nil, err
	}
	parts := strings.Fields(string(line))
	if len(parts) < 2 {
		return "", "", nil, io.ErrUnexpectedEOF
	}
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return "", "", nil, err
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(v)))
		}
	}
	body = make([]byte, length)
	_, err = io.ReadFull(r, body)
	return parts[0], parts[1], body, err
}

func (s *stub) answer(method, path string, body []byte) []byte {
	switch {
	case method == "PATCH":
		s.last.Store(time.Now().UnixNano())
		s.patches.Add(1)
		return body
	case strings.HasPrefix(path, "/api/health/"):
		return []byte(`{"status":"ok"}`)
	case strings.HasPrefix(path, "/api/build/"):
		return []byte(`{"version":"v3.20.8"}`)
	case path == "/control/count":
		return fmt.Appendf(nil, `{"patches":%d,"last":%d,"flight":%d}`, s.patches.Load(), s.last.Load(), s.most.Load())
	case path == "/control/most/0":
		s.most.Store(0)
		return []byte(`{}`)
	case strings.HasPrefix(path, "/control/latency/"):
		ms, _ := strconv.Atoi(strings.TrimPrefix(path, "/control/latency/"))
		s.latency.Store(int64(ms) * int64(time.Millisecond))
		return []byte(`{}`)
	case strings.HasPrefix(path, "/control/workers/"):
		s.workers.Store(nil)
		if n, _ := strconv.Atoi(strings.TrimPrefix(path, "/control/workers/")); n > 0 {
			workers := make(chan struct{}, n)
			s.workers.Store(&workers)
		}
		return []byte(`{}`)
	}
	_, after, _ := strings.Cut(path, "ref_id=")
	ref, _, _ := strings.Cut(after, "&")
	n, _ := strconv.Atoi(strings.TrimPrefix(ref, "AC-"))
	return fmt.Appendf(nil, `{"count":1,"next":null,"previous":null,"results":[{"id":"%08x-0000-4000-8000-000000000000","name":"Control","ref_id":"%s","folder":{"str":"f","id":"f"},"str":"Control"}]}`, n, ref)
}
