package cli

import (
	"context"
	"runtime/debug"
	"time"
)

// What the process may take, softly: while it waits, however full the read-ahead
// is, and while jobs come or end by the hundred. Collecting garbage in the smaller one
// would cost a fifth of the processor time then.
const (
	memoryWaiting = 128 << 20
	memoryAtWork  = 256 << 20
	gcPercent     = 300
)

// Jobs that come or end per second above which the process is at work, and below which it
// waits.
const (
	rateAtWork  = 200
	rateWaiting = 50
)

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
	debug.SetMemoryLimit(memoryAtWork) // a backlog may be waiting
	return &memory{}
}

// follow adapts the limit to the rate at which jobs come and end, until ctx does.
func (m *memory) follow(ctx context.Context, rate func(time.Duration) float64) {
	if m.fixed {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for atWork := true; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch now := rate(3 * time.Second); {
		case !atWork && now > rateAtWork:
			atWork = true
			debug.SetMemoryLimit(memoryAtWork)
		case atWork && now < rateWaiting:
			atWork = false
			debug.SetMemoryLimit(memoryWaiting)
			debug.FreeOSMemory()
		}
	}
}
