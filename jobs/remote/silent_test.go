package remote_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"dispatcher/internal/stage"
	"dispatcher/jobs"
	"dispatcher/jobs/join"
	"dispatcher/jobs/remote"
)

// TestAWorkerTurnsFromARunHostThatStandsStillToTheOneThatTookOver, long before the
// connection to the former is given up (pings: ten seconds or more). A claim that
// waits there does not keep it either.
func TestAWorkerTurnsFromARunHostThatStandsStillToTheOneThatTookOver(t *testing.T) {
	t.Parallel()
	first, wire := seated(t)
	second, _ := seated(t)
	second.desk.standby.Store(true)
	client, err := remote.NewClient(remote.ClientConfig{Hosts: []join.File{first.file, second.file}, Process: "h/1", Capacity: 2, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		client.Run(ctx)
	}()
	defer func() {
		cancel()
		<-done
		_ = client.Close(ctx)
	}()
	claimed := func(seq uint64) {
		t.Helper()
		c, err := client.Claim(ctx, "")
		if err != nil {
			t.Fatalf("claim: %v", err)
		}
		if c.Seq != seq {
			t.Errorf("it has job %d, not %d", c.Seq, seq)
		}
		_ = client.Finish(ctx, c.Lease, jobs.Outcome{Kind: jobs.OutcomeSucceeded, EndedAt: time.Now()})
	}
	first.desk.claims <- claimOf(1)
	claimed(1)

	time.AfterFunc(50*time.Millisecond, wire.Cut) // when the next claim waits
	second.desk.claims <- claimOf(2)
	second.desk.standby.Store(false)
	claimed(2)
}

// seat is a run host at the end of a wire.
type seat struct {
	desk *desk
	file join.File
}

func seated(t *testing.T) (*seat, *stage.Wire) {
	t.Helper()
	g, s := openListener(t), &seat{desk: newDesk()}
	_, err := remote.Serve(t.Context(), g.Conn(), remote.ServerConfig{
		Scheduler: s.desk, Store: g.Addr(), Lease: 600 * time.Millisecond, Name: g.credentials.Name, Hears: g.Hears, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	wire, err := stage.NewWire("127.0.0.1:0", g.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = wire.Close() })
	s.file = g.files["w1"]
	s.file.Address = wire.Addr().String()
	return s, wire
}
