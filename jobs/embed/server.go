package embed

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"dispatcher/jobs"
)

// startTimeout bounds the start of the server, recovery of its store included.
const startTimeout = 2 * time.Minute

// Config says where the server keeps its store and whom it lets in.
type Config struct {
	StoreDir   string
	MaxBytes   int64  // of the store; 0: 10 GiB
	AccessFile string // written with the address and credential of local clients; "": none are let in
	Log        *slog.Logger
}

// Server is the running server with its connection.
type Server struct {
	cfg Config

	mu     sync.Mutex
	server *server.Server
	conn   *nats.Conn
}

// Start runs the server and connects to it.
func Start(cfg Config) (*Server, error) {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 10 << 30
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg}
	return s, s.start()
}

func (s *Server) start() error {
	inside, err := newUser()
	if err != nil {
		return err
	}
	local, err := newUser()
	if err != nil {
		return err
	}
	options := s.options(inside, local)
	srv, err := server.NewServer(options)
	if err != nil {
		return fmt.Errorf("configure embedded nats: %w", err)
	}
	srv.SetLoggerV2(adapter{s.cfg.Log}, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(startTimeout) {
		srv.Shutdown()
		return fmt.Errorf("start embedded nats in %s: not ready after %s", s.cfg.StoreDir, startTimeout)
	}
	if err := check(srv); err != nil {
		srv.Shutdown()
		return err
	}
	conn, err := nats.Connect("", nats.InProcessServer(srv), inside.option(), nats.Name("dispatcher"),
		nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		srv.Shutdown()
		return fmt.Errorf("connect to embedded nats: %w", err)
	}
	s.server, s.conn = srv, conn
	if s.cfg.AccessFile == "" {
		return nil
	}
	return writeAccess(s.cfg.AccessFile, Access{URL: srv.ClientURL(), Seed: string(local.seed)})
}

// options are least privilege: the connection inside may do all, local clients
// only what `dispatcher jobs` needs.
func (s *Server) options(inside, local user) *server.Options {
	o := &server.Options{
		ServerName:        "dispatcher",
		JetStream:         true,
		StoreDir:          s.cfg.StoreDir,
		SyncAlways:        true, // an acknowledgement is a promise
		JetStreamMaxStore: s.cfg.MaxBytes + s.cfg.MaxBytes/8,
		MaxPayload:        jobs.MaxValueBytes + 1<<20,
		MaxPending:        256 << 20,
		NoSigs:            true,
		DontListen:        s.cfg.AccessFile == "",
		Host:              "127.0.0.1",
		Port:              server.RANDOM_PORT,
		Nkeys: []*server.NkeyUser{
			{Nkey: inside.public, AllowedConnectionTypes: map[string]struct{}{"IN_PROCESS": {}}},
			{Nkey: local.public, Permissions: &server.Permissions{
				Publish:   &server.SubjectPermission{Allow: []string{"dispatcher.control.>"}},
				Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
			}},
		},
	}
	o.JetStreamLimits.MaxBatchInflightPerStream = 64
	return o
}

// check asserts what the durability of everything rests on.
func check(srv *server.Server) error {
	varz, err := srv.Varz(nil)
	if err != nil {
		return fmt.Errorf("inspect embedded nats: %w", err)
	}
	if js := varz.JetStream.Config; js == nil || !js.SyncAlways {
		return errors.New("embedded nats does not sync every write: refusing to work with it")
	}
	return nil
}

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
}

func (s *Server) stop() {
	if s.conn != nil {
		s.conn.Close()
	}
	if s.server != nil {
		s.server.Shutdown()
		s.server.WaitForShutdown()
	}
}

// user is a client's key pair.
type user struct {
	public string
	seed   []byte
}

func newUser() (u user, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return u, fmt.Errorf("make credential: %w", err)
	}
	if u.public, err = pair.PublicKey(); err != nil {
		return u, fmt.Errorf("make credential: %w", err)
	}
	if u.seed, err = pair.Seed(); err != nil {
		return u, fmt.Errorf("make credential: %w", err)
	}
	return u, nil
}

func (u user) option() nats.Option {
	return nats.Nkey(u.public, func(nonce []byte) ([]byte, error) {
		pair, err := nkeys.FromSeed(u.seed)
		if err != nil {
			return nil, fmt.Errorf("read credential: %w", err)
		}
		return pair.Sign(nonce)
	})
}
