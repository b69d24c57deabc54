package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"
)

// How long a pass waits for its use, and a session lives: one shift.
const (
	passLife    = 2 * time.Minute
	sessionLife = 8 * time.Hour
)

// Passes and sessions that are kept; beyond that the oldest goes.
const (
	maxPasses   = 32
	maxSessions = 256
)

// session is somebody who may act.
type session struct {
	operator string // for the audit
	token    string // that a change must carry beside the cookie
	until    time.Time
}

// digest is what is kept of a secret: looked up, it takes the same time
// whatever was guessed.
type digest [sha256.Size]byte

func digestOf(text string) digest { return sha256.Sum256([]byte(text)) }

// sessions are those of one process. They are in its memory only.
type sessions struct {
	clock func() time.Time

	mu     sync.Mutex
	passes map[digest]session // token is empty
	active map[digest]session
}

func newSessions(clock func() time.Time) *sessions {
	return &sessions{clock: clock, passes: make(map[digest]session), active: make(map[digest]session)}
}

// pass returns the text that opens one session for operator.
func (s *sessions) pass(operator string) (text string, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, until = rand.Text(), s.clock().Add(passLife)
	s.keep(s.passes, maxPasses, text, session{operator: operator, until: until})
	return text, until
}

// redeem uses a pass up.
func (s *sessions) redeem(text string) (operator string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pass, ok := s.passes[digestOf(text)]
	delete(s.passes, digestOf(text))
	return pass.operator, ok && s.clock().Before(pass.until)
}

// begin opens a session and returns the secret of its cookie.
func (s *sessions) begin(operator string) (cookie string, opened session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cookie, opened = rand.Text(), session{operator: operator, token: rand.Text(), until: s.clock().Add(sessionLife)}
	s.keep(s.active, maxSessions, cookie, opened)
	return cookie, opened
}

// keep notes an entry, and drops what has ended or is too much.
func (s *sessions) keep(in map[digest]session, most int, text string, entry session) {
	var oldest digest
	first := entry.until
	for d, e := range in {
		if !s.clock().Before(e.until) {
			delete(in, d)
		} else if !e.until.After(first) {
			oldest, first = d, e.until
		}
	}
	if len(in) >= most {
		delete(in, oldest)
	}
	in[digestOf(text)] = entry
}

// find returns the session of a cookie.
func (s *sessions) find(cookie string) (found session, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok = s.active[digestOf(cookie)]
	return found, ok && s.clock().Before(found.until)
}

// end forgets a session.
func (s *sessions) end(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.active, digestOf(cookie))
}

// carries reports whether token is the session's.
func (s session) carries(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) == 1
}
