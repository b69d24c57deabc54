package ciso

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// How the limit of requests in flight follows what the server bears. The rule
// is that of gradient limiters (Netflix concurrency-limits, gradient2): compare
// how long answers take now with how long they take when nothing waits.
const (
	slowEnough   = 1.5                  // answers that take this many times as long have waited
	quickAnswer  = 5 * time.Millisecond // what is quicker tells of our own machine, not of the server
	baseAge      = 5 * time.Minute      // then it is learned anew: under load the quickest answer may have waited too
	leastSamples = 8                    // answers per decision
	silence      = time.Second          // without any answer: what is in flight hangs, and others need not wait for it
)

// inflight limits requests in flight to what the server bears: CISO Assistant
// ships with three workers, each of which carries out one request at a time;
// more requests than that only wait in line before it, and its other users with
// them. The limit never leaves 1…most. Safe for concurrent use.
type inflight struct {
	clock   func() time.Time
	most    float64
	silence time.Duration

	mu      sync.Mutex
	limit   float64
	growing bool // not yet slow: the limit doubles
	used    int
	waiting []chan struct{} // first come, first served; closed when it is their turn
	bases   []time.Duration // by route: the quickest answer, what one takes when nothing is in its way
	since   time.Time       // when they were last forgotten
	slower  []float64       // how many times slower than the base answers were, since the last decision
	count   int             // of answers, and of those that did not come, since then
	peak    int             // most in flight since the last decision
	lost    bool
	heard   time.Time // when the last answer came
}

func newInflight(most int, clock func() time.Time) *inflight {
	if most < 1 {
		most = 8
	}
	f := &inflight{clock: clock, most: float64(most), silence: silence}
	f.learn()
	return f
}

// acquire waits until one more request may be in flight.
func (f *inflight) acquire(ctx context.Context) error {
	f.mu.Lock()
	if f.used < int(f.limit) {
		f.enter()
		f.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	f.waiting = append(f.waiting, turn)
	f.mu.Unlock()
	patience := time.NewTicker(f.silence)
	defer patience.Stop()
	for {
		select {
		case <-turn:
			return nil
		case <-patience.C:
			f.relieve()
		case <-ctx.Done():
			f.leave(turn)
			return ctx.Err()
		}
	}
}

// relieve lets one more in when no answer came for a while: one object that hangs
// must not have all others wait until it is given up.
func (f *inflight) relieve() {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock()
	if len(f.waiting) == 0 || float64(f.used) >= f.most || now.Sub(f.heard) < f.silence {
		return
	}
	f.heard = now // the next one waits as long again
	f.first()
}

func (f *inflight) first() {
	close(f.waiting[0])
	f.waiting = f.waiting[1:]
	f.enter()
}

func (f *inflight) enter() {
	f.used++
	f.peak = max(f.peak, f.used)
}

// leave gives up waiting; a turn that came meanwhile goes to the next.
func (f *inflight) leave(turn chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, w := range f.waiting {
		if w == turn {
			f.waiting = append(f.waiting[:i], f.waiting[i+1:]...)
			return
		}
	}
	f.used--
	f.admit()
}

// answered ends a request that took so long. Only what says something about the
// server's load is counted: not a file's way, not a refused connection.
func (f *inflight) answered(route int, took time.Duration, counts bool) {
	f.end(func() {
		if counts {
			f.sample(route, took)
		}
	})
}

// unanswered ends a request that the server took and did not answer in time.
func (f *inflight) unanswered() { f.end(func() { f.lost = true; f.count++ }) }

func (f *inflight) end(note func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	note()
	f.heard = f.clock()
	if f.count >= max(leastSamples, int(f.limit)) {
		f.decide()
	}
	f.used--
	f.admit()
}

func (f *inflight) admit() {
	for len(f.waiting) > 0 && f.used < int(f.limit) {
		f.first()
	}
}

// learn begins anew, with one request at a time.
func (f *inflight) learn() {
	f.bases, f.since = make([]time.Duration, len(Routes())), f.clock()
	f.limit, f.growing = 1, true
}

func (f *inflight) sample(route int, took time.Duration) {
	if f.limit < f.most && f.clock().Sub(f.since) >= baseAge {
		f.learn()
	}
	took = max(took, quickAnswer)
	if quickest := f.bases[route]; quickest == 0 || took < quickest {
		f.bases[route] = took
	}
	f.slower = append(f.slower, float64(took)/float64(f.bases[route]))
	f.count++
}

// decide moves the limit, after enough answers.
func (f *inflight) decide() {
	slower := typical(f.slower)
	full := f.peak >= int(f.limit) // else nobody asked for more
	switch {
	case f.lost:
		f.growing = false
		f.limit /= 2
	case slower > slowEnough:
		f.growing = false
		f.limit = math.Min(f.limit, f.limit*math.Max(0.5, slowEnough/slower)+0.5)
	case full && f.growing:
		f.limit *= 2
	case full:
		f.limit += math.Max(1, f.limit/16)
	}
	f.limit = math.Min(math.Max(f.limit, 1), f.most)
	f.slower, f.count, f.peak, f.lost = f.slower[:0], 0, 0, false
}

// typical is the lower quartile. In a line all wait; what makes fewer than three
// quarters of the answers slow is no line: one object's trouble, a request that
// costs more, or this host's processor, which is busy.
func typical(slower []float64) float64 {
	if len(slower) == 0 {
		return 1
	}
	slices.Sort(slower)
	return slower[len(slower)/4]
}

// now returns the limit and how many are in flight.
func (f *inflight) now() (limit, used int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int(f.limit), f.used
}
