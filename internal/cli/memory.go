package cli

import (
	"context"
	"runtime/debug"
	"time"
)

// What the process may take, softly: while it waits, however full the read-ahead
// is, and while messages come or jobs end by the hundred. Collecting garbage in
// the smaller one would cost a third of the processor time then.
const (
	memoryWaiting = 128 << 20
	memoryBusy    = 256 << 20
	gcPercent     = 300
)

// rateBusy is how many jobs per second come or end in a busy process.
const rateBusy = 100

// memory lets the heap grow while that pays, and gives it back. GOGC and
// GOMEMLIMIT win over it.
type memory struct{ fixed bool }

func newMemory(env Env) *memory {
	if env.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if env.Getenv("GOMEMLIMIT") != "" {
		return &memory{fixed: true}
	}
	debug.SetMemoryLimit(memoryBusy) // a backlog may be waiting
	return &memory{}
}

// follow adapts the limit to how many jobs per second come and end, until ctx
// does.
func (m *memory) follow(ctx context.Context, rates func(time.Duration) (come, end float64)) {
	if m.fixed {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for limit := int64(memoryBusy); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		wanted := int64(memoryWaiting)
		if come, end := rates(2 * time.Second); max(come, end) > rateBusy {
			wanted = memoryBusy
		}
		if wanted == limit {
			continue
		}
		debug.SetMemoryLimit(wanted)
		if wanted < limit {
			debug.FreeOSMemory()
		}
		limit = wanted
	}
}
