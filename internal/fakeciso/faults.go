package fakeciso

import (
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"sync"
	"time"
)

// FaultKind is what goes wrong.
type FaultKind string

const (
	ResetBefore FaultKind = "reset before" // the connection is cut, nothing happened
	ResetAfter  FaultKind = "reset after"  // the effect is done, then the connection is cut
	Hang        FaultKind = "hang"         // no answer for Delay, nothing happened
	Late        FaultKind = "late"         // no answer for Delay, then the effect is done
	Status      FaultKind = "status"       // Code, Body, Header, nothing happened
	Slow        FaultKind = "slow"         // the right answer, after Delay
)

// Fault strikes requests that match.
type Fault struct {
	Method string         // "" for any
	Path   *regexp.Regexp // nil for any
	After  int            // requests that pass first
	Times  int            // how often it strikes, -1 for ever
	Share  float64        // of the requests that it strikes by chance, 0 for all
	Kind   FaultKind
	Delay  time.Duration
	Code   int
	Body   string // JSON, or HTML if it starts with "<"
	Header map[string]string
}

type faults struct {
	mu     sync.Mutex
	list   []*Fault
	struck map[FaultKind]int
	chance *rand.Rand
}

// AddFault injects a fault.
func (s *Server) AddFault(f Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = append(s.faults.list, &f)
}

// ClearFaults ends all faults.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = nil
}

// Struck returns how often each kind of fault has struck.
func (s *Server) Struck() map[FaultKind]int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	out := make(map[FaultKind]int)
	for k, n := range s.faults.struck {
		out[k] = n
	}
	return out
}

func (fs *faults) next(r *http.Request) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.list {
		if f.Times == 0 || f.Method != "" && f.Method != r.Method || f.Path != nil && !f.Path.MatchString(r.URL.Path) {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		if f.Share > 0 && fs.chance.Float64() >= f.Share {
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		if fs.struck == nil {
			fs.struck = make(map[FaultKind]int)
		}
		fs.struck[f.Kind]++
		return f
	}
	return nil
}

// before reports whether the fault ends the request before it has any effect.
func (f *Fault) before(w http.ResponseWriter, r *http.Request) bool {
	switch f.Kind {
	case ResetBefore:
		cut(w)
		return true
	case Hang:
		pause(r, f.Delay)
		cut(w)
		return true
	case Slow:
		pause(r, f.Delay)
	case Late:
		time.Sleep(f.Delay) // also when the client has gone: that is the point
	case Status:
		pause(r, f.Delay)
		for name, value := range f.Header {
			w.Header().Set(name, value)
		}
		if len(f.Body) > 0 && f.Body[0] == '<' {
			htmlPage(w, f.Code, f.Body)
		} else {
			writeRaw(w, f.Code, "application/json", f.Body)
		}
		return true
	}
	return false
}

func (f *Fault) discards() bool { return f.Kind == ResetAfter || f.Kind == Late }

func (f *Fault) after(w http.ResponseWriter, _ *http.Request) {
	if f.discards() {
		cut(w)
	}
}

func pause(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

// cut resets the connection.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
