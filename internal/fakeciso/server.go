package fakeciso

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Roles of users.
const (
	Admin   = "admin"   // may do all
	Analyst = "analyst" // may do all within Domains
	Reader  = "reader"  // may see Domains
)

// User is an account of the stand-in.
type User struct {
	Email, Password, Token, Role string
	MFA, Inactive                bool
	Domains                      []string // folder ids that an analyst or reader sees
}

// Config is what the stand-in is to be like.
type Config struct {
	Old        bool          // like v3.14.0
	Debug      bool          // in Django's debugging mode, as the shipped compose file has it
	Version    string        // what build/ says; default by Old
	Users      []User        // default: one admin with token "admin-token", admin@tests.com / secret
	Latency    time.Duration // of every answer
	RaceWindow time.Duration // between reading and saving a row
	LoginLimit int           // logins a minute before 429, 0: none

	AllowedHosts []string // others are refused; nil for all
	Seed         uint64   // of the chance in faults with a Share: equal seeds strike alike
	JournalLimit int      // requests that the journal keeps, 0 for all: long runs need a bound
	HistoryLimit int      // changes that are kept of an object, 0 for all
}

// Server is the stand-in.
type Server struct {
	cfg Config

	mu       sync.Mutex
	objects  map[string]map[string]*object // resource → id
	order    map[string][]*object          // resource, in creation order
	index    map[string]map[string][]*object
	files    map[string][]byte // stored name → bytes
	sessions map[string]string // token → e-mail
	logins   []time.Time
	root     string
	ids      int

	journal journal
	faults  faults
	down    atomic.Bool

	socket socket
}

// New returns a server with a root folder.
func New(cfg Config) *Server {
	if cfg.Version == "" {
		cfg.Version = "v3.20.8"
		if cfg.Old {
			cfg.Version = "v3.14.0"
		}
	}
	if cfg.Users == nil {
		cfg.Users = []User{{Email: "admin@tests.com", Password: "secret", Token: "admin-token", Role: Admin}}
	}
	s := &Server{
		cfg:      cfg,
		objects:  make(map[string]map[string]*object),
		order:    make(map[string][]*object),
		index:    make(map[string]map[string][]*object),
		files:    make(map[string][]byte),
		sessions: make(map[string]string),
	}
	s.faults.chance = rand.New(rand.NewPCG(cfg.Seed, 0))
	s.root = s.add("folders", map[string]any{"name": "Global", "content_type": "GLOBAL", "parent_folder": nil, "builtin": true})
	return s
}

// Root returns the id of the root folder.
func (s *Server) Root() string { return s.root }

// Down makes a proxy before the API answer 502 for everything.
func (s *Server) Down(down bool) { s.down.Store(down) }

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Latency > 0 {
		time.Sleep(s.cfg.Latency)
	}
	entry := s.journal.begin(r, s.cfg.JournalLimit)
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	defer func() { s.journal.end(entry, rec.status) }()
	if s.down.Load() {
		htmlPage(rec, http.StatusBadGateway, "502 Bad Gateway")
		return
	}
	if s.gateway(rec, r) {
		return
	}
	fault := s.faults.next(r)
	if fault != nil {
		s.journal.struck(entry, fault.Kind)
		if fault.before(rec, r) {
			return
		}
	}
	target := http.ResponseWriter(rec)
	if fault != nil && fault.discards() {
		target = &discard{header: make(http.Header)}
	}
	s.route(target, r, entry)
	if fault != nil {
		fault.after(rec, r)
	}
}

// recorder notes the status for the journal.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// discard is where an answer goes that nobody is to get.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
