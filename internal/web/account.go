package web

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// account tells a page what it may do.
type account struct {
	Operator  string    `json:"operator,omitempty"`
	Token     string    `json:"token,omitempty"` // only in the answer that opened the session
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Login     bool      `json:"login"` // there is one
	Open      bool      `json:"open"`  // everybody may look
	Version   string    `json:"version"`
}

func (s *Server) account(who session) account {
	return account{Operator: who.operator, ExpiresAt: utc(who.until), Login: s.cfg.Users != nil, Open: s.open(), Version: s.cfg.Version}
}

// whoami answers GET /api/session.
func (s *Server) whoami(w http.ResponseWriter, r *http.Request) {
	who, _ := s.session(r)
	answer(w, s.account(who))
}

// entry is the body of POST /api/session: a pass, or a name and a password.
type entry struct {
	Pass     string `json:"pass"`
	Name     string `json:"name"`
	Password string `json:"password"`
}

// enter opens a session.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) {
	var in entry
	if !read(w, r, &in) {
		return
	}
	if !s.logins.allow(r.RemoteAddr) {
		w.Header().Set("Retry-After", "60")
		refuse(w, http.StatusTooManyRequests, "too many attempts; wait a minute")
		return
	}
	operator, why := s.admit(r, in)
	if why != "" {
		s.cfg.Log.Warn("web page: somebody was refused", "from", r.RemoteAddr, "name", in.Name)
		refuse(w, http.StatusUnauthorized, why)
		return
	}
	cookie, who := s.sessions.begin(operator)
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie(r), Value: cookie, Path: "/", MaxAge: int(sessionLife.Seconds()),
		HttpOnly: true, Secure: s.cfg.TLS, SameSite: http.SameSiteStrictMode,
	})
	s.cfg.Log.Info("web page: a session begins", "operator", operator, "from", r.RemoteAddr, "until", who.until.UTC().Format(time.RFC3339))
	a := s.account(who)
	a.Token = who.token
	answer(w, a)
}

// admit says who comes in, or why not.
func (s *Server) admit(r *http.Request, in entry) (operator, why string) {
	if in.Pass != "" {
		operator, ok := s.sessions.redeem(in.Pass)
		if !ok {
			return "", "this address was used already or is too old; ask for another with dispatcher jobs web"
		}
		return operator, ""
	}
	if s.cfg.Users == nil {
		return "", "there is no login; open the page with dispatcher jobs web"
	}
	users, err := s.cfg.Users()
	if err != nil {
		s.cfg.Log.Error("web page: nobody can log in", "error", err)
		return "", "nobody can log in, see the dispatcher's log"
	}
	if !s.logins.right(r, users, in.Name, in.Password) {
		return "", "name or password is wrong"
	}
	return in.Name, ""
}

// right compares a name's password with its hash. An unknown name takes as long
// as a known one. Few are compared at a time.
func (t *throttle) right(r *http.Request, users map[string][]byte, name, password string) bool {
	select {
	case t.compared <- struct{}{}:
		defer func() { <-t.compared }()
	case <-r.Context().Done():
		return false
	}
	hash, known := users[name]
	if !known {
		for _, hash = range users {
			break
		}
	}
	return bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil && known
}

// leave ends the session.
func (s *Server) leave(w http.ResponseWriter, r *http.Request, who session) {
	if c, err := r.Cookie(s.cookie(r)); err == nil {
		s.sessions.end(c.Value)
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie(r), Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.cfg.TLS, SameSite: http.SameSiteStrictMode,
	})
	s.cfg.Log.Info("web page: a session ends", "operator", who.operator)
	answer(w, s.account(session{}))
}

// cookie is the name of the session's cookie. Cookies do not tell ports apart:
// two dispatchers on one host must not overwrite each other's.
func (s *Server) cookie(r *http.Request) string {
	prefix := ""
	if s.cfg.TLS {
		prefix = "__Host-" // browsers take it only by TLS, for this host
	}
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		return prefix + "dispatcher"
	}
	return prefix + "dispatcher_" + port
}

// session returns that of a request.
func (s *Server) session(r *http.Request) (who session, ok bool) {
	c, err := r.Cookie(s.cookie(r))
	if err != nil {
		return who, false
	}
	if who, ok = s.sessions.find(c.Value); !ok {
		return session{}, false
	}
	return who, true
}

// looking is for requests that change nothing.
func (s *Server) looking(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.session(r); !ok && !s.open() {
			refuse(w, http.StatusUnauthorized, "log in first")
			return
		}
		next(w, r)
	}
}

// acting is for requests that change something: they need a session and its token.
func (s *Server) acting(next func(http.ResponseWriter, *http.Request, session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, ok := s.session(r)
		switch {
		case !ok:
			refuse(w, http.StatusUnauthorized, fmt.Sprintf("no session; open the page with dispatcher jobs web%s", s.orLogIn()))
		case !who.carries(r.Header.Get("X-Dispatcher-Token")):
			refuse(w, http.StatusForbidden, "the session's token is missing or wrong; open the page anew with dispatcher jobs web"+s.orLogIn())
		default:
			next(w, r, who)
		}
	}
}

func (s *Server) orLogIn() string {
	if s.cfg.Users == nil {
		return ""
	}
	return ", or log in"
}
