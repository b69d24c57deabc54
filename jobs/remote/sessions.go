package remote

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"dispatcher/jobs"
	"dispatcher/jobs/schedule"
)

// Worker is a process on another host.
type Worker struct {
	Name       string // credential@host/pid
	Credential string
	Running    int
	Capacity   int
	SeenAt     time.Time
}

// sessions are the processes that work from other hosts, by holder.
type sessions struct {
	cfg   ServerConfig
	mu    sync.Mutex
	known map[string]*session
	polls map[string]*poll
	shares
}

type session struct {
	Worker
	public string
	rate   float64 // told last
	holds  map[jobs.Reason]bool
}

func newSessions(cfg ServerConfig) sessions {
	return sessions{
		cfg: cfg, known: make(map[string]*session), polls: make(map[string]*poll), shares: shares{total: cfg.Rate, own: cfg.OwnRate},
	}
}

// Bounds of what a process may say, and of processes with one credential.
const (
	longestProcess = 128
	longestMessage = 1000
	mostProcesses  = 256
)

// name is how people know a process. Its credential is certain, the rest is what
// it says.
func (s *sessions) name(credential, process string) string {
	process = strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) && !unicode.IsSpace(r) {
			return r
		}
		return -1
	}, process)
	return credential + "@" + process[:min(len(process), longestProcess)]
}

// seen notes what a process says of itself, and returns how many requests per
// second it may ask.
func (s *sessions) seen(r *request, q renewRequest) (rate float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	holder := r.holder(q.Session)
	known := s.known[holder]
	if q.Leaving {
		s.drop(holder, "it has ended")
		return 0
	}
	if known == nil {
		if s.count(r.public) >= mostProcesses {
			return // its leases are renewed, but nobody is told of it
		}
		known = &session{public: r.public, holds: make(map[jobs.Reason]bool)}
		known.Name, known.Credential = s.name(r.credential, q.Process), r.credential
		s.known[holder] = known
		s.cfg.Scheduler.Joined(known.Name)
		s.cfg.Log.Info("a worker has come", "worker", known.Name, "concurrency", q.Capacity)
	}
	known.Running, known.Capacity, known.SeenAt = len(q.Leases), q.Capacity, s.cfg.Clock()
	s.hold(known, q.Holds)
	known.rate = s.divide(s.rates(known))
	return known.rate
}

// rates are what all other processes were told.
func (s *sessions) rates(but *session) (list []float64) {
	for _, w := range s.known {
		if w != but {
			list = append(list, w.rate)
		}
	}
	return list
}

// count returns the processes with a credential. The lock is held.
func (s *sessions) count(public string) (n int) {
	for _, w := range s.known {
		if w.public == public {
			n++
		}
	}
	return n
}

// hold takes over what stands still at a worker: it concerns that one only.
func (s *sessions) hold(w *session, list []jobs.Hold) {
	present := make(map[jobs.Reason]bool)
	for _, h := range list {
		if h.Reason != jobs.HoldAPIDown && h.Reason != jobs.HoldAuth && h.Reason != jobs.HoldS3Down {
			continue // not for a worker to say
		}
		present[h.Reason], w.holds[h.Reason] = true, true
		s.cfg.Scheduler.SetHold(jobs.Hold{Reason: h.Reason, Scope: schedule.WorkerScope(w.Name), Message: h.Message[:min(len(h.Message), longestMessage)]})
	}
	for reason := range w.holds {
		if !present[reason] {
			delete(w.holds, reason)
			s.cfg.Scheduler.ClearHold(reason, schedule.WorkerScope(w.Name))
		}
	}
}

func (s *sessions) list() (all []Worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.known {
		all = append(all, w.Worker)
	}
	slices.SortFunc(all, func(a, b Worker) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// expire forgets those that were silent for a lease: what they had has ended.
func (s *sessions) expire() {
	s.leave("it was silent for too long", func(w *session) bool { return s.cfg.Clock().Sub(w.SeenAt) > s.cfg.Lease })
}

func (s *sessions) forget(public string) {
	s.leave("its credential was revoked", func(w *session) bool { return w.public == public })
}

func (s *sessions) leave(why string, gone func(*session) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for holder, w := range s.known {
		if gone(w) {
			s.drop(holder, why)
		}
	}
}

// drop takes a process off the list. The lock is held.
func (s *sessions) drop(holder, why string) {
	if w := s.known[holder]; w != nil {
		s.hold(w, nil)
		delete(s.known, holder)
		s.keep(s.rates(nil))
		s.cfg.Scheduler.Left(w.Name)
		s.cfg.Log.Info("a worker has gone", "worker", w.Name, "why", why)
	}
}
