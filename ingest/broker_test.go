package ingest

import (
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"dispatcher/internal/fakekafka"
)

// TestDeadConnectionsCostNoAttempts: what was open to a broker that has died is
// not tried one after the other when it is back.
func TestDeadConnectionsCostNoAttempts(t *testing.T) {
	t.Parallel()
	cfg := fakekafka.Config{Topics: map[string]int32{"observation": 1}, DataDir: t.TempDir()}
	broker, err := fakekafka.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(t, broker.Addr, t.TempDir())
	h.waitRole(t, "active")
	var idle sync.WaitGroup
	for range 12 {
		idle.Go(func() { _, _ = h.log.commits(t.Context(), "g", "observation", []int32{0}) })
	}
	idle.Wait()
	broker.Close()
	h.waitRole(t, "offline")
	_, port, _ := net.SplitHostPort(broker.Addr)
	cfg.Port, _ = strconv.Atoi(port)
	cfg.Topics = nil
	if broker, err = fakekafka.Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	back := time.Now()
	h.waitRole(t, "active")
	if took := time.Since(back); took > 8*time.Second {
		t.Errorf("it works again after %s:\n%s", took, h.logs)
	}
}
