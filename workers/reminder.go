package workers

import (
	"sync"
	"time"
)

// reminder lets things of one kind be said once and then once a minute, so that
// a log tells of trouble and is not drowned by it.
type reminder struct {
	clock func() time.Time

	mu    sync.Mutex
	kinds map[string]*said
}

type said struct {
	at    time.Time
	since int // how often it was not said since
}

// due reports whether to say it now, and how often it was not said since.
func (r *reminder) due(kind string) (now bool, since int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.kinds[kind]
	if last == nil {
		if r.kinds == nil {
			r.kinds = make(map[string]*said)
		}
		last = &said{}
		r.kinds[kind] = last
	}
	at := r.clock()
	if !last.at.IsZero() && at.Sub(last.at) < remindEvery {
		last.since++
		return false, 0
	}
	since = last.since
	last.at, last.since = at, 0
	return true, since
}
