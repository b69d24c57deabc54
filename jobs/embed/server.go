package embed

import (
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"dispatcher/jobs"

	"dispatcher/internal/safeguard"
)

// startTimeout bounds how long clients wait for the server to let them in.
const startTimeout = 30 * time.Second

// Config says where the server keeps its store and whom it lets in.
type Config struct {
	StoreDir   string
	AccessFile string // written with the address and credential of local clients; "": none are let in
	Log        *slog.Logger
}

// Server is the running server with its connection.
type Server struct {
	cfg           Config
	inside, local user

	mu       sync.Mutex
	port     int // kept over restarts, so that local clients find the server again
	admitted int // the port that local clients know
	server   *server.Server
	conn     *nats.Conn
}

// Start runs the server and connects to it.
func Start(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, port: server.RANDOM_PORT}
	var err error
	if s.inside, err = newUser(); err != nil {
		return nil, err
	}
	if s.local, err = newUser(); err != nil {
		return nil, err
	}
	if err := s.start(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) start() error {
	if err := checkRights(s.cfg.StoreDir); err != nil {
		return err
	}
	if err := mendMeta(s.cfg.StoreDir); err != nil {
		return err
	}
	if err := checkBlocks(s.cfg.StoreDir); err != nil {
		return err
	}
	srv, err := s.launch()
	if err != nil {
		return err
	}
	if err := s.check(srv); err != nil {
		shutdown(srv)
		return err
	}
	conn, err := nats.Connect("", nats.InProcessServer(srv), s.inside.option(), nats.Name("dispatcher"),
		nats.CustomInboxPrefix(insidePrefix), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond),
		nats.ReconnectBufSize(-1)) // nothing is sent late: half a batch would be left out
	if err != nil {
		shutdown(srv)
		return fmt.Errorf("connect to embedded nats: %w", err)
	}
	s.server, s.conn = srv, conn
	if err := s.admit(); err != nil {
		s.stop()
		return err
	}
	return nil
}

// admit tells local clients where the server is, unless they know: after a full
// disk there may be no room to say it again.
func (s *Server) admit() error {
	address, ok := s.server.Addr().(*net.TCPAddr)
	if !ok || s.cfg.AccessFile == "" || s.admitted == address.Port {
		return nil
	}
	if err := writeAccess(s.cfg.AccessFile, Access{URL: s.server.ClientURL(), Seed: string(s.local.seed)}); err != nil {
		return err
	}
	s.port, s.admitted = address.Port, address.Port
	return nil
}

// launch runs a server until clients can connect.
func (s *Server) launch() (*server.Server, error) {
	srv, err := server.NewServer(s.options())
	if err != nil {
		return nil, fmt.Errorf("configure embedded nats: %w", err)
	}
	log := adapter{log: s.cfg.Log, fatal: make(chan string, 1)}
	srv.SetLoggerV2(log, false, false, false)
	srv.Start() // returns when the store is recovered
	for begun := time.Now(); ; {
		select {
		case why := <-log.fatal:
			shutdown(srv)
			s.port = server.RANDOM_PORT // it may be another's by now
			return nil, fmt.Errorf("start embedded nats in %s: %s", s.cfg.StoreDir, why)
		default:
		}
		if srv.ReadyForConnections(startTimeout / 100) {
			return srv, nil
		}
		if time.Since(begun) > startTimeout {
			shutdown(srv)
			return nil, fmt.Errorf("start embedded nats in %s: it lets nobody in after %s", s.cfg.StoreDir, startTimeout)
		}
	}
}

// insidePrefix is where answers to this process go: local clients may listen to
// the usual inboxes only.
const insidePrefix = "_INSIDE"

// options are least privilege: the connection inside may do all, local clients
// only what `dispatcher jobs` needs.
func (s *Server) options() *server.Options {
	return &server.Options{
		ServerName:        "dispatcher",
		JetStream:         true,
		StoreDir:          s.cfg.StoreDir,
		SyncAlways:        !safeguard.Off("sync"), // an acknowledgement is a promise
		JetStreamMaxStore: math.MaxInt64 / 2,      // a limit here, below what a stream was once given, keeps that stream from being changed
		MaxPayload:        jobs.MaxValueBytes + jobs.MaxFrameBytes + headerBytes,
		MaxPending:        256 << 20,
		NoSigs:            true,
		DontListen:        s.cfg.AccessFile == "",
		Host:              "127.0.0.1",
		Port:              s.port,
		Nkeys: []*server.NkeyUser{
			{Nkey: s.inside.public, AllowedConnectionTypes: map[string]struct{}{"IN_PROCESS": {}}},
			{Nkey: s.local.public, Permissions: &server.Permissions{
				Publish:   &server.SubjectPermission{Allow: []string{"dispatcher.control.>", "dispatcher.credentials.>"}},
				Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
			}},
		},
	}
}

// headerBytes is room for what the JOBS stream adds to a message.
const headerBytes = 4 << 10

// Conn returns the connection of this process.
func (s *Server) Conn() *nats.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn
}

// Restart stops the server and starts it again, which is what clears sticky
// write errors of its store.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
	return s.start()
}

// Stop ends the server; what it acknowledged is on disk.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
	if s.cfg.AccessFile != "" {
		_ = os.Remove(s.cfg.AccessFile) // it would lead to nobody, or to another
	}
}

func (s *Server) stop() {
	s.conn.Close()
	shutdown(s.server)
}

func shutdown(srv *server.Server) {
	srv.Shutdown()
	srv.WaitForShutdown()
}
