package remote_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"dispatcher/jobs/control"
	"dispatcher/jobs/embed"
	"dispatcher/jobs/join"
)

// gate is a listener with one credential of each role, and things behind it that
// none of them is to reach.
type gate struct {
	*embed.Listener
	credentials *join.Credentials
	authority   *join.Authority
	files       map[string]join.File
	reached     chan string // subjects that came through
}

// openGate answers everything that comes through.
func openGate(t *testing.T) *gate {
	t.Helper()
	g := openListener(t)
	if _, err := g.Conn().Subscribe(">", func(m *nats.Msg) {
		if !strings.HasPrefix(m.Subject, "_I") {
			g.reached <- m.Subject
		}
		if m.Reply != "" {
			_ = m.Respond([]byte("an answer"))
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := g.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	return g
}

func openListener(t *testing.T) *gate {
	t.Helper()
	dir := t.TempDir()
	authority, err := join.OpenAuthority(filepath.Join(dir, "ca.pem"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := authority.Issue(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := join.Open(filepath.Join(dir, "credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := embed.Listen(embed.ListenerConfig{Address: "127.0.0.1:0", Certificate: certificate, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Stop)
	g := &gate{Listener: l, credentials: credentials, authority: authority, files: make(map[string]join.File), reached: make(chan string, 1000)}
	for name, role := range map[string]join.Role{"w1": join.Worker, "w2": join.Worker, "ops": join.Operator} {
		g.admit(t, name, role)
	}
	return g
}

func (g *gate) admit(t *testing.T, name string, role join.Role) {
	t.Helper()
	c, seed, err := g.credentials.Make(name, role, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	f := join.New(c, seed, g.Addr())
	f.CA, f.Server = g.authority.PEM(), join.ServerName
	g.files[name] = f
	if err := g.Admit(g.credentials.List()); err != nil {
		t.Fatal(err)
	}
}

func (g *gate) connect(t *testing.T, name string, more ...nats.Option) *nats.Conn {
	t.Helper()
	options, err := g.files[name].Options()
	if err != nil {
		t.Fatal(err)
	}
	options = append(options, nats.NoReconnect(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	nc, err := nats.Connect(g.files[name].URL(), append(options, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func public(t *testing.T, f join.File) string {
	t.Helper()
	key, err := f.Public()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestAWorkerCanUseItsOwnSubjectsAndNothingElse tries every subject that there is.
func TestAWorkerCanUseItsOwnSubjectsAndNothingElse(t *testing.T) {
	t.Parallel()
	g := openGate(t)
	w1, w2, ops := public(t, g.files["w1"]), public(t, g.files["w2"]), public(t, g.files["ops"])
	var forbidden []string
	for _, name := range []string{"list", "show", "stats", "watch", "retry", "cancel", "pause", "resume", "submit", "replay"} {
		forbidden = append(forbidden, "dispatcher.control."+name, join.OperateSubject+"."+ops+"."+name, join.OperateSubject+"."+w1+"."+name)
	}
	for _, name := range []string{"make", "list", "revoke"} {
		forbidden = append(forbidden, "dispatcher.credentials."+name)
	}
	for _, name := range []string{"claim", "lock", "checkpoint", "renew", "finish", "withdraw"} {
		forbidden = append(forbidden, join.WorkSubject+"."+w2+"."+name, join.WorkSubject+"."+name)
	}
	forbidden = append(forbidden, "$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.DELETE.JOBS", "$JS.API.DIRECT.GET.JOBS",
		"$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SRV.PING", "$SRV.INFO", "j.observation.0", "_INBOX."+w2+".x", "_INBOX.x", "_INSIDE.x",
		join.WorkSubject+"."+w1+".claim.more", "dispatcher.work", "dispatcher", "x")
	attacker := g.connect(t, "w1")
	for _, subject := range forbidden {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if reply, err := attacker.RequestWithContext(ctx, subject, []byte("{}")); err == nil {
			t.Errorf("a worker may use %s: %s", subject, reply.Data)
		}
		cancel()
	}
	for len(g.reached) > 0 {
		t.Errorf("%s came through", <-g.reached)
	}
	own, err := attacker.Request(join.WorkSubject+"."+w1+".claim", nil, 5*time.Second)
	if err != nil || string(own.Data) != "an answer" {
		t.Errorf("its own subject: %v", err)
	}
}

// TestNobodyHearsAnothersAnswers: they hold whole messages.
func TestNobodyHearsAnothersAnswers(t *testing.T) {
	t.Parallel()
	g := openGate(t)
	spy, victim := g.connect(t, "w2"), g.connect(t, "w1")
	w1 := public(t, g.files["w1"])
	var subs []*nats.Subscription
	for _, subject := range []string{">", "*", "_INBOX.>", "_INBOX.*.>", "_INBOX." + w1 + ".>", "_INSIDE.>", "dispatcher.>", join.WorkSubject + ".>", "$SYS.>", "$JS.>", "j.>"} {
		if sub, err := spy.SubscribeSync(subject); err == nil {
			subs = append(subs, sub)
		}
	}
	if err := spy.Flush(); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := victim.Request(join.WorkSubject+"."+w1+".claim", nil, 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if err := spy.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, sub := range subs {
		if n, _, err := sub.Pending(); err == nil && n > 0 {
			t.Errorf("it has heard %d messages on %s", n, sub.Subject)
		}
	}
}

// TestAnOperatorReachesTheControlAPIAndNothingElse, and the credential is named
// in what it does.
func TestAnOperatorReachesTheControlAPIAndNothingElse(t *testing.T) {
	t.Parallel()
	g := openGate(t)
	ops, w1 := public(t, g.files["ops"]), public(t, g.files["w1"])
	nc := g.connect(t, "ops")
	for _, subject := range []string{
		"dispatcher.credentials.make", "dispatcher.credentials.list", "dispatcher.control.stats", join.WorkSubject + "." + ops + ".claim",
		join.WorkSubject + "." + w1 + ".finish", join.OperateSubject + "." + w1 + ".retry", "$JS.API.INFO", "$SRV.PING",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := nc.RequestWithContext(ctx, subject, nil); err == nil {
			t.Errorf("an operator may use %s", subject)
		}
		cancel()
	}
	if _, err := nc.Request(control.OperatorPrefix(ops)+".stats", nil, 5*time.Second); err != nil {
		t.Errorf("its own subject: %v", err)
	}
}

// TestOnlyTheRightKeyOverTheRightTLSComesIn: neither without TLS, nor with an old
// TLS, nor without a key; and a client leaves a run host with another certificate.
func TestOnlyTheRightKeyOverTheRightTLSComesIn(t *testing.T) {
	t.Parallel()
	g, other := openGate(t), openGate(t)
	plain, err := net.DialTimeout("tcp", g.Addr(), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := plain.Write([]byte("CONNECT {}\r\nPING\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4096)
	_ = plain.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, _ := plain.Read(answer)
	if text := string(answer[:n]); strings.Contains(text, "INFO") || strings.Contains(text, "PONG") {
		t.Errorf("it answers without TLS: %q", text)
	}
	insecure := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // an attacker's
	if _, err := nats.Connect("tls://"+g.Addr(), nats.Secure(insecure), nats.TLSHandshakeFirst()); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("without a key: %v", err)
	}
	old := insecure.Clone()
	old.MaxVersion = tls.VersionTLS12
	if conn, err := tls.Dial("tcp", g.Addr(), old); err == nil {
		_ = conn.Close()
		t.Error("it speaks TLS 1.2")
	}
	for what, change := range map[string]func(*join.File){
		"a key of another dispatcher":            func(f *join.File) { f.Seed = other.files["w1"].Seed },
		"a run host with another CA":             func(f *join.File) { f.CA = other.files["w1"].CA },
		"a run host that only the system trusts": func(f *join.File) { f.CA = "" },
		"a run host of another name":             func(f *join.File) { f.Server = "somebody" },
	} {
		f := g.files["w1"]
		change(&f)
		options, err := f.Options()
		if err != nil {
			t.Fatal(err)
		}
		if nc, err := nats.Connect(f.URL(), options...); err == nil {
			nc.Close()
			t.Errorf("%s is accepted", what)
		}
	}
	g.connect(t, "w1")
}

// TestARevokedKeyIsCutOffAtOnceAndOthersAreNot: its connection is closed before
// the revocation is told.
func TestARevokedKeyIsCutOffAtOnceAndOthersAreNot(t *testing.T) {
	t.Parallel()
	g := openGate(t)
	closed := make(chan struct{})
	victim := g.connect(t, "w1", nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	other := g.connect(t, "w2")
	if err := g.credentials.Revoke("w1"); err != nil {
		t.Fatal(err)
	}
	if err := g.Admit(g.credentials.List()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Fatalf("it is still connected: %v", victim.Status())
	}
	if other.Flush() != nil || other.Status() != nats.CONNECTED {
		t.Errorf("the other one is %v", other.Status())
	}
	if _, err := other.Request(join.WorkSubject+"."+public(t, g.files["w2"])+".claim", nil, 5*time.Second); err != nil {
		t.Errorf("the other one: %v", err)
	}
	options, err := g.files["w1"].Options()
	if err != nil {
		t.Fatal(err)
	}
	if nc, err := nats.Connect(g.files["w1"].URL(), options...); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("it comes in again: %v %v", nc, err)
	}
}
