package web

import (
	"fmt"
	"net/http"
	"time"
)

// Times of a stream of events.
const (
	heartbeat = 15 * time.Second // so that a dead connection is noticed on both sides
	writeTime = 10 * time.Second // for a browser to take what it is sent
)

// events answers GET /api/events with server-sent events: "hello" once all
// changes from then on will be told, then "stats" and "jobs".
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	stream, ready, err := s.hub.join()
	if err != nil {
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	defer s.hub.part(stream)
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(text string) bool {
		_ = out.SetWriteDeadline(time.Now().Add(writeTime)) // a recorder has none
		_, err := fmt.Fprint(w, text)
		return err == nil && out.Flush() == nil
	}
	if !send("retry: 2000\n\n") {
		return
	}
	select {
	case <-ready:
	case <-r.Context().Done():
		return
	}
	if !send(fmt.Sprintf("event: hello\ndata: {\"version\":%q,\"started_at\":%q}\n\n", s.cfg.Version, s.cfg.Started.UTC().Format(time.RFC3339Nano))) {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		text := ": still here\n\n"
		select {
		case e, ok := <-stream:
			if !ok {
				return
			}
			text = fmt.Sprintf("event: %s\ndata: %s\n\n", e.name, e.data)
		case <-beat.C:
			if _, ok := s.session(r); !ok && !s.open() {
				return // the session has ended
			}
		case <-r.Context().Done():
			return
		}
		if !send(text) {
			return
		}
	}
}
