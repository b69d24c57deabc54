package embed_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"dispatcher/jobs"
	"dispatcher/jobs/embed"
)

func start(t *testing.T) (server *embed.Server, access string) {
	t.Helper()
	access = filepath.Join(t.TempDir(), "access")
	server, err := embed.Start(embed.Config{StoreDir: t.TempDir(), AccessFile: access})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server, access
}

func connect(t *testing.T, access string) *nats.Conn {
	t.Helper()
	a, err := embed.ReadAccess(access)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := a.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestOnlyTheOwnerOfTheDataDirectoryIsLetIn(t *testing.T) {
	t.Parallel()
	_, access := start(t)
	connect(t, access)
	info, err := os.Stat(access)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("access file has mode %s, %v", info.Mode(), err)
	}
	a, err := embed.ReadAccess(access)
	if err != nil {
		t.Fatal(err)
	}
	host, _, err := net.SplitHostPort(strings.TrimPrefix(a.URL, "nats://"))
	if err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("it listens on %s, %v", a.URL, err)
	}
	other, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := other.Seed()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (embed.Access{URL: a.URL, Seed: string(seed)}).Connect(); err == nil {
		t.Error("another credential is let in")
	}
	if _, err := nats.Connect(a.URL); err == nil {
		t.Error("it lets in without a credential")
	}
}

func TestALocalClientMayOnlyControl(t *testing.T) {
	t.Parallel()
	server, access := start(t)
	inside, client := server.Conn(), connect(t, access)
	if _, err := inside.Subscribe("dispatcher.control.test", func(m *nats.Msg) { _ = m.Respond([]byte("yes")) }); err != nil {
		t.Fatal(err)
	}
	if err := inside.Flush(); err != nil {
		t.Fatal(err)
	}
	answer := func(nc *nats.Conn, subject string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := nc.RequestWithContext(ctx, subject, nil)
		return err
	}
	if err := answer(client, "dispatcher.control.test"); err != nil {
		t.Errorf("control: %v", err)
	}
	if err := answer(inside, "$JS.API.STREAM.NAMES"); err != nil {
		t.Errorf("inside: %v", err)
	}
	for _, subject := range []string{"$JS.API.STREAM.NAMES", "$JS.API.DIRECT.GET.JOBS", "j.t.0", "$SYS.REQ.SERVER.PING"} {
		if answer(client, subject) == nil {
			t.Errorf("a local client may use %s", subject)
		}
	}
	// Nor may it listen to what this process is told.
	overheard, err := client.SubscribeSync("_INBOX.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := answer(inside, "$JS.API.STREAM.NAMES"); err != nil {
		t.Fatal(err)
	}
	if err := client.Flush(); err != nil {
		t.Fatal(err)
	}
	if n, _, _ := overheard.Pending(); n > 0 {
		t.Errorf("a local client has heard %d answers to this process", n)
	}
}

func TestARestartIsNoEndForLocalClients(t *testing.T) {
	t.Parallel()
	server, access := start(t)
	before, err := os.ReadFile(access)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(access)
	if err != nil || string(before) != string(after) {
		t.Errorf("the way in has changed: %v", err)
	}
	connect(t, access)
	server.Stop()
	if _, err := os.Stat(access); !os.IsNotExist(err) {
		t.Errorf("the access file of a server that ended: %v", err)
	}
}

func TestAStoreThatCannotBeIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	_, err := embed.Start(embed.Config{StoreDir: filepath.Join(file, "below")})
	if err == nil || !strings.Contains(err.Error(), file) || time.Since(begun) > 10*time.Second {
		t.Errorf("after %s: %v", time.Since(begun), err)
	}
}

func TestTheLargestMessageFits(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	if size := server.Conn().MaxPayload(); size < jobs.MaxValueBytes+jobs.MaxFrameBytes {
		t.Errorf("at most %d bytes in a message", size)
	}
}
