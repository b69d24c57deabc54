package web

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"dispatcher/jobs/control"
)

// tellEvery is how often a browser hears how far a change is.
const tellEvery = 200 * time.Millisecond

// lines is the answer to a change of jobs, a JSON object per line: how far it
// is, and at last what was done.
type lines struct {
	mu     sync.Mutex
	w      http.ResponseWriter // nil: the browser has gone
	out    *json.Encoder
	flush  *http.ResponseController
	latest time.Time
}

// line is one of them.
type line struct {
	Done    int              `json:"done,omitempty"`
	Of      int              `json:"of,omitempty"`
	Changed *control.Changed `json:"changed,omitempty"`
	Error   string           `json:"error,omitempty"`
}

func newLines(w http.ResponseWriter) *lines {
	w.Header().Set("Content-Type", "application/x-ndjson")
	return &lines{w: w, out: json.NewEncoder(w), flush: http.NewResponseController(w)}
}

// progress implements [control.Progress].
func (l *lines) progress(done, of int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.latest) >= tellEvery {
		l.latest = now
		l.write(line{Done: done, Of: of})
	}
}

// end tells what was done, which is on disk, also beside an error.
func (l *lines) end(changed control.Changed, err error) {
	const shown = 100 // names of those left as they are; the numbers count all
	if len(changed.Skipped) > shown {
		changed.Skipped = changed.Skipped[:shown]
	}
	last := line{Changed: &changed}
	if err != nil {
		last.Error = err.Error()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(last)
}

func (l *lines) write(v line) {
	if l.w == nil {
		return
	}
	_ = l.flush.SetWriteDeadline(time.Now().Add(writeTime)) // a recorder has none
	if l.out.Encode(v) != nil || l.flush.Flush() != nil {
		l.w = nil
	}
}

// close ends the answer: what comes later has nowhere to go.
func (l *lines) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w = nil
}
