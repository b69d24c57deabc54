package embed

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"dispatcher/jobs"
	"dispatcher/jobs/join"
)

// Listener lets other hosts in: a NATS server of its own, so that they are not
// even connected to the one that holds JOBS. It knows TLS only, and keeps nothing.
type Listener struct {
	cfg    ListenerConfig
	inside user
	server *server.Server
	conn   *nats.Conn

	mu   sync.Mutex // guards reloads
	port int
}

// ListenerConfig says where to listen and how to prove who one is.
type ListenerConfig struct {
	Address     string // host:port
	Certificate tls.Certificate
	Log         *slog.Logger
}

// stepBytes is room for a job's steps beside its message.
const stepBytes = 8 << 20

// Listen begins to listen; nobody is let in before [Listener.Admit].
func Listen(cfg ListenerConfig) (*Listener, error) {
	inside, err := newUser()
	if err != nil {
		return nil, err
	}
	host, text, err := net.SplitHostPort(cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", cfg.Address, err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", cfg.Address, err)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	l := &Listener{cfg: cfg, inside: inside, port: port}
	options := l.options(host, nil)
	if l.server, err = l.launch(options); err != nil {
		return nil, err
	}
	l.conn, err = nats.Connect("", nats.InProcessServer(l.server), inside.option(), nats.Name("dispatcher"), nats.MaxReconnects(-1),
		nats.CustomInboxPrefix(insidePrefix))
	if err != nil {
		shutdown(l.server)
		return nil, fmt.Errorf("connect to the listener: %w", err)
	}
	return l, nil
}

func (l *Listener) launch(options *server.Options) (*server.Server, error) {
	// The server would end the process if it could not listen: it is tried first.
	if options.Port != server.RANDOM_PORT {
		try, err := net.Listen("tcp", net.JoinHostPort(options.Host, strconv.Itoa(options.Port)))
		if err != nil {
			return nil, err
		}
		_ = try.Close()
	}
	srv, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("configure listener: %w", err)
	}
	log := adapter{log: l.cfg.Log, fatal: make(chan string, 1), quiet: &quiet{}}
	srv.SetLoggerV2(log, false, false, false)
	srv.Start()
	for begun := time.Now(); !srv.ReadyForConnections(startTimeout / 100); {
		select {
		case why := <-log.fatal:
			shutdown(srv)
			return nil, fmt.Errorf("start listener: %s", why)
		default:
		}
		if time.Since(begun) > startTimeout {
			shutdown(srv)
			return nil, fmt.Errorf("start listener: it lets nobody in after %s", startTimeout)
		}
	}
	return srv, nil
}

// options are least privilege: whoever comes from outside may only use the
// subjects of its own key.
func (l *Listener) options(host string, admitted []join.Credential) *server.Options {
	users := []*server.NkeyUser{{Nkey: l.inside.public, AllowedConnectionTypes: map[string]struct{}{"IN_PROCESS": {}}}}
	for _, c := range admitted {
		rights := c.Rights()
		users = append(users, &server.NkeyUser{
			Nkey: c.Public, AllowedConnectionTypes: map[string]struct{}{"STANDARD": {}},
			Permissions: &server.Permissions{
				Publish:   &server.SubjectPermission{Allow: rights.Publish},
				Subscribe: &server.SubjectPermission{Allow: rights.Subscribe},
			},
		})
	}
	return &server.Options{
		ServerName: "dispatcher-listener", Host: host, Port: l.port, Nkeys: users, NoSigs: true, NoSystemAccount: true,
		TLS: true, TLSTimeout: 5, TLSHandshakeFirst: true, AuthTimeout: 5,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{l.cfg.Certificate}},
		MaxConn:   maxPeers, MaxPayload: jobs.MaxValueBytes + jobs.MaxFrameBytes + stepBytes, MaxPending: 256 << 20,
		MaxControlLine: 4096, MaxSubs: 4096, PingInterval: pingEvery, MaxPingsOut: 2, WriteDeadline: 10 * time.Second,
	}
}

const (
	maxPeers  = 4096
	pingEvery = 10 * time.Second // a peer that is cut off is noticed after three of them
)

// Admit lets those in who have one of these credentials, and cuts everybody else
// off who is connected.
func (l *Listener) Admit(list []join.Credential) error {
	for _, c := range list {
		if !nkeys.IsValidPublicUserKey(c.Public) {
			return fmt.Errorf("credential %q: %q is not a public key", c.Name, c.Public)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	address, ok := l.server.Addr().(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("admit %d credentials: the listener is closed", len(list))
	}
	host, _, err := net.SplitHostPort(l.cfg.Address)
	if err != nil {
		return fmt.Errorf("listen on %q: %w", l.cfg.Address, err)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	l.port = address.Port
	if err := l.server.ReloadOptions(l.options(host, list)); err != nil {
		return fmt.Errorf("admit %d credentials: %w", len(list), err)
	}
	return nil
}

// Conn returns the connection of this process.
func (l *Listener) Conn() *nats.Conn { return l.conn }

// Addr returns where it listens.
func (l *Listener) Addr() string { return l.server.Addr().String() }

// Hears reports whether anybody who is connected listens to a subject.
func (l *Listener) Hears(subject string) bool { return l.server.GlobalAccount().Interest(subject) > 0 }

// Stop ends the listener and all its connections.
func (l *Listener) Stop() {
	l.conn.Close()
	shutdown(l.server)
}
