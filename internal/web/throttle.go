package web

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Attempts to get in: of one address, and of all together. A hash takes a
// noticeable time to compare, so that few are compared at once.
const (
	attemptEvery    = 12 * time.Second
	attemptBurst    = 5
	allAttemptEvery = time.Second
	allAttemptBurst = 30
	maxAddresses    = 1024
	maxCompared     = 2
)

// throttle slows down guessing.
type throttle struct {
	clock    func() time.Time
	all      *rate.Limiter
	compared chan struct{}

	mu sync.Mutex
	by map[string]*rate.Limiter
}

func newThrottle(clock func() time.Time) *throttle {
	return &throttle{
		clock: clock, all: rate.NewLimiter(rate.Every(allAttemptEvery), allAttemptBurst),
		compared: make(chan struct{}, maxCompared), by: make(map[string]*rate.Limiter),
	}
}

// allow reports whether an attempt from an address may be made now.
func (t *throttle) allow(remote string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, from := t.clock(), neighbourhood(remote)
	l := t.by[from]
	if l == nil {
		if len(t.by) >= maxAddresses {
			t.forget(now)
		}
		l = rate.NewLimiter(rate.Every(attemptEvery), attemptBurst)
		t.by[from] = l
	}
	return l.AllowN(now, 1) && t.all.AllowN(now, 1)
}

// forget drops who has been quiet; if that is nobody, everybody: what all may
// do together still holds.
func (t *throttle) forget(now time.Time) {
	for from, l := range t.by {
		if l.TokensAt(now) >= attemptBurst {
			delete(t.by, from)
		}
	}
	if len(t.by) >= maxAddresses {
		clear(t.by)
	}
}

// neighbourhood is an address without its port; of IPv6 the network of a host.
func neighbourhood(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	addr := at.Addr().Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	network, err := addr.Prefix(64)
	if err != nil {
		return addr.String()
	}
	return network.String()
}
