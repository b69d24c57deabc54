package fakeciso

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// Entry is one request.
type Entry struct {
	Seq        int
	Start, End time.Time
	Method     string
	Path       string
	Query      string
	Job        string // X-Correlation-Id
	Trace      string // traceparent
	Status     int
	Written    []string // "resource/id" of the objects that it changed
	Fault      string   // kind of the fault that struck, "" if none
}

type journal struct {
	mu      sync.Mutex
	seq     int
	entries []*Entry
}

func (j *journal) begin(r *http.Request, limit int) *Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	e := &Entry{
		Seq: j.seq, Start: time.Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
		Job: r.Header.Get("X-Correlation-Id"), Trace: r.Header.Get("traceparent"),
	}
	j.entries = append(j.entries, e)
	if limit > 0 && len(j.entries) >= 2*limit {
		j.entries = slices.Clone(j.entries[len(j.entries)-limit:])
	}
	return e
}

func (j *journal) end(e *Entry, status int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.End, e.Status = time.Now(), status
}

func (j *journal) struck(e *Entry, fault FaultKind) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Fault = string(fault)
}

func (j *journal) wrote(e *Entry, object string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Written = append(e.Written, object)
}

// Journal returns a copy of all requests so far, or of the newest if there is a
// limit.
func (s *Server) Journal() []Entry {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	list := make([]Entry, len(s.journal.entries))
	for i, e := range s.journal.entries {
		list[i] = *e
		list[i].Written = append([]string(nil), e.Written...)
	}
	return list
}

// Count returns how many requests of a method and path prefix the journal holds.
func (s *Server) Count(method, prefix string) (n int) {
	for _, e := range s.Journal() {
		if (method == "" || e.Method == method) && len(e.Path) >= len(prefix) && e.Path[:len(prefix)] == prefix {
			n++
		}
	}
	return n
}
