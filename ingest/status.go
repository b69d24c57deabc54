package ingest

import (
	"sync"
	"time"

	"dispatcher/jobs"
)

// status is what others may know.
type status struct {
	mu     sync.Mutex
	role   string
	lag    map[jobs.Partition]int64 // end of the log
	said   string
	saidAt time.Time
}

func newStatus() status { return status{role: "offline", lag: make(map[jobs.Partition]int64)} }

func (s *status) setRole(role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.role = role
}

func (s *status) setEnds(topic string, bounds map[int32][2]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, b := range bounds {
		s.lag[jobs.Partition{Topic: topic, ID: id}] = b[1]
	}
}

// remind reports whether a trouble is to be said now.
func (s *status) remind(text string, isNew bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !isNew && text == s.said && time.Since(s.saidAt) < remindEvery {
		return false
	}
	s.said, s.saidAt = text, time.Now()
	return true
}

// Role returns active, standby or offline.
func (g *Group) Role() string {
	g.status.mu.Lock()
	defer g.status.mu.Unlock()
	return g.status.role
}

// End returns the end of a partition's log as last seen.
func (g *Group) End(p jobs.Partition) (end int64, ok bool) {
	g.status.mu.Lock()
	defer g.status.mu.Unlock()
	end, ok = g.status.lag[p]
	return end, ok
}
