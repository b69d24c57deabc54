package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
)

// Config is what a [Server] needs.
type Config struct {
	Backend control.Backend
	Version string // of the program
	Started time.Time

	Local bool   // it listens on loopback only
	TLS   bool   // it answers by TLS
	URL   string // under which it is reached from this host, without a slash at its end
	// Named reports whether a host is one of the certificate's; nil without TLS.
	Named func(host string) bool
	// Users returns who may log in, by name their bcrypt hashes; nil: nobody. It
	// is asked at each login.
	Users func() (map[string][]byte, error)

	Clock func() time.Time
	Log   *slog.Logger
}

// Offered reports whether there is a page at all: beyond loopback only with TLS
// and a login.
func (c *Config) Offered() bool { return c.Local || c.TLS && c.Users != nil }

// setDefaults fills in what was left out.
func (c *Config) setDefaults() {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Started.IsZero() {
		c.Started = c.Clock()
	}
}

// Validate reports what cannot work.
func (c *Config) Validate() error {
	if c.Backend == nil {
		return errors.New("web: no backend")
	}
	if c.TLS && c.Named == nil {
		return errors.New("web: TLS without the names of the certificate")
	}
	return nil
}

// Server is the web page.
type Server struct {
	cfg      Config
	sessions *sessions
	logins   *throttle
	history  *History
	hub      *hub
	looks    chan struct{} // requests that read the ledger
	changes  chan struct{} // requests that change many jobs
}

// Requests that may be at work at the same time.
const (
	maxLooks   = 16
	maxChanges = 4
)

// New returns a page that is ready to be served.
func New(cfg Config) (*Server, error) {
	cfg.setDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, sessions: newSessions(cfg.Clock), logins: newThrottle(cfg.Clock), history: &History{},
		looks: make(chan struct{}, maxLooks), changes: make(chan struct{}, maxChanges),
	}
	s.hub = newHub(cfg.Backend, s.history)
	return s, nil
}

// Ended counts a job that has ended, for the charts.
func (s *Server) Ended(job *jobs.Job) { s.history.Ended(job) }

// Run keeps the history for the charts and feeds who watches, until ctx ends.
func (s *Server) Run(ctx context.Context) {
	defer s.hub.close()
	s.history.run(ctx, s.cfg.Backend, s.cfg.Clock)
}

// Handler answers everything of the page.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"GET /{$}", "GET /jobs", "GET /jobs/{id...}"} {
		mux.HandleFunc(path, page)
	}
	mux.HandleFunc("GET /assets/{name}", asset)

	mux.HandleFunc("GET /api/session", s.whoami)
	mux.HandleFunc("POST /api/session", s.enter)
	mux.HandleFunc("DELETE /api/session", s.acting(s.leave))

	mux.HandleFunc("GET /api/overview", s.looking(s.overview))
	mux.HandleFunc("GET /api/jobs", s.looking(s.list))
	mux.HandleFunc("GET /api/jobs/{id...}", s.looking(s.show))
	mux.HandleFunc("GET /api/events", s.looking(s.events))

	mux.HandleFunc("POST /api/retry", s.acting(s.retry))
	mux.HandleFunc("POST /api/cancel", s.acting(s.cancel))
	mux.HandleFunc("POST /api/pause", s.acting(s.pause))
	mux.HandleFunc("POST /api/resume", s.acting(s.resume))
	return hardened(s.reach(mux))
}

// Pass returns an address that lets its holder act as operator, once.
func (s *Server) Pass(operator string) (control.WebPass, error) {
	if !s.cfg.Offered() {
		return control.WebPass{}, ErrNotOffered
	}
	text, until := s.sessions.pass(operator)
	// Behind the #: browsers keep it to themselves, so that no log has it.
	return control.WebPass{URL: s.cfg.URL + "/#pass=" + text, ExpiresAt: until.UTC()}, nil
}

// ErrNotOffered says that the page may not be served where the process listens.
var ErrNotOffered = errors.New("jobs web: http_listen is an address beyond loopback, where the page answers only with TLS and a login; " +
	"set HTTP_CERT_FILE, HTTP_KEY_FILE and HTTP_USERS_FILE, or HTTP_LISTEN=127.0.0.1:8642")
