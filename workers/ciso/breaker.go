package ciso

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"dispatcher/jobs"
)

// The breaker opens when requests for this many objects fail within a while
// and none succeeds, although the API answers its probe: then it is not the
// objects. Reads and writes have one each, because a server whose disk is full
// still answers reads.
const (
	breakerObjects = 5
	breakerWindow  = 30 * time.Second
	breakerPause   = 30 * time.Second // open for so long, then one request may try
)

// maxStrange is how many answers that are not the API's one request may get
// before they count as its own trouble.
const maxStrange = 2

// maxNoted bounds what a breaker remembers.
const maxNoted = 1000

type breaker struct {
	noted atomic.Bool // something is: keeps successes off the lock

	mu      sync.Mutex
	objects map[string]time.Time // failed since the last success
	strange map[string]int       // answers of strangers, by request
	tripped bool                 // no success since it opened: one failure opens it again
	until   time.Time            // open until
	why     error
}

// breakerOf returns the breaker that a request counts for.
func (c *Client) breakerOf(r *request) *breaker {
	if r.writes() {
		return &c.writeBreaker
	}
	return &c.readBreaker
}

// failed notes a failure. It returns a hold when the breaker opens by it.
func (b *breaker) failed(key string, cause error, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.noted.Store(true)
	if b.objects == nil {
		b.objects = make(map[string]time.Time)
	}
	b.objects[key] = now
	for name, at := range b.objects {
		if now.Sub(at) > breakerWindow {
			delete(b.objects, name)
		}
	}
	if len(b.objects) < breakerObjects && !b.tripped {
		return nil
	}
	b.objects, b.tripped, b.until = nil, true, now.Add(breakerPause)
	b.why = jobs.Holding(jobs.HoldAPIDown, fmt.Errorf("requests for several objects fail although the API answers; the last: %w", cause))
	return b.why
}

// refused counts an answer that was not the API's.
func (b *breaker) refused(key string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.noted.Store(true)
	if b.strange == nil || len(b.strange) >= maxNoted {
		b.strange = make(map[string]int)
	}
	b.strange[key]++
	return b.strange[key]
}

// succeeded closes the breaker.
func (b *breaker) succeeded(r *request) {
	if !b.noted.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects, b.tripped, b.until, b.why = nil, false, time.Time{}, nil
	delete(b.strange, r.key())
	b.noted.Store(len(b.strange) > 0)
}

// open returns why the breaker is open, nil if it is not.
func (b *breaker) open(now time.Time) error {
	if !b.noted.Load() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Before(b.until) {
		return b.why
	}
	return nil
}
