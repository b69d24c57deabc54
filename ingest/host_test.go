package ingest

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dispatcher/internal/fakekafka"
	"dispatcher/internal/kafkatest"
	"dispatcher/jobs"
	"dispatcher/jobs/embed"
	"dispatcher/store"
)

type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// works takes jobs into the ledger, and never runs them.
type works struct{ ledger *store.Ledger }

func (w works) Take(ctx context.Context, in jobs.Intake, _ []jobs.Envelope) error {
	_, err := w.ledger.Take(ctx, in)
	return err
}
func (works) WaitRoom(context.Context) error { return nil }
func (works) Room() int                      { return 1000 }
func (works) Activate()                      {}
func (works) Deactivate()                    {}
func (works) Renew(time.Duration)            {}
func (works) Revoke()                        {}
func (works) Drained(context.Context) error  { return nil }
func (works) Release(context.Context, jobs.Partition, func(int64) bool) (int, error) {
	return 0, nil
}

type noHolds struct{}

func (noHolds) SetHold(jobs.Hold) bool             { return true }
func (noHolds) ClearHold(jobs.Reason, string) bool { return false }

// host is one process of the group g, which takes jobs in and never runs them.
type host struct {
	*Group
	ledger *store.Ledger
	logs   *logs
	stop   func()
}

func newHost(t testing.TB, addr, dir string) *host {
	t.Helper()
	ledger, err := store.Open(store.Options{Path: filepath.Join(dir, "ledger")})
	if err != nil {
		t.Fatal(err)
	}
	server, err := embed.Start(embed.Config{StoreDir: filepath.Join(dir, "js")})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := jobs.OpenStream(t.Context(), server.Conn, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	out := &logs{}
	g, err := NewGroup(Config{
		Connection: Connection{Servers: []string{addr}, Protocol: "PLAINTEXT"}, Topic: "observation", GroupID: "g", SessionTimeout: 10 * time.Second, LookEvery: 50 * time.Millisecond,
		Ledger: ledger, Stream: stream, Scheduler: works{ledger}, Holds: noHolds{}, Jobs: jobs.Reader{Clock: time.Now}, Log: slog.New(slog.NewTextHandler(out, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { g.Run(ctx); close(done) }()
	h := &host{Group: g, ledger: ledger, logs: out}
	h.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Error("does not stop")
		}
		server.Stop()
		_ = ledger.Close()
	})
	t.Cleanup(h.stop)
	return h
}

func (h *host) waitRole(t testing.TB, role string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // asked again, up to a deadline
		if h.Role() == role {
			return
		}
	}
	t.Fatalf("role %s, not %s:\n%s", h.Role(), role, h.logs)
}

func cluster(t testing.TB, partitions int32) *kafkatest.Kafka {
	t.Helper()
	c, err := fakekafka.Start(fakekafka.Config{Topics: map[string]int32{"observation": partitions, "errors": 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	k := kafkatest.Connect(c.Addr, nil)
	t.Cleanup(func() { _ = k.Close() })
	return k
}
