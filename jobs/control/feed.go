package control

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"dispatcher/jobs"
)

const (
	feedSize   = 16384            // changes that are kept for those who watch
	watchFor   = 20 * time.Second // how long a request waits for a change
	watchedFor = time.Minute      // how long changes are kept after the last request
)

// Change is a job with a new state.
type Change struct {
	At time.Time `json:"at"`
	Job
}

// WatchQuery asks for the changes after those of the answer before.
type WatchQuery struct {
	Filter jobs.Filter `json:"filter"`
	Feed   string      `json:"feed,omitempty"` // of the answer before; another or none: from now on
	After  uint64      `json:"after,omitempty"`
}

// Changes are what has changed since, none after a while without any.
type Changes struct {
	Feed    string   `json:"feed"`
	After   uint64   `json:"after"`
	Changes []Change `json:"changes,omitempty"`
	Lost    uint64   `json:"lost,omitempty"` // changes of any jobs that came too fast to be kept
}

// Feed keeps the last changes of state for those who watch, and nothing while
// nobody does. It never makes the scheduler wait. Its zero value is not ready;
// use [NewFeed].
type Feed struct {
	id      string
	watched atomic.Int64 // until when, Unix nanoseconds

	mu   sync.Mutex
	ring []news
	end  uint64        // number of changes that ever came
	more chan struct{} // closed and renewed with each change
}

type news struct {
	at  time.Time
	job jobs.Job
}

// NewFeed returns a feed that nobody watches yet.
func NewFeed() *Feed { return &Feed{id: rand.Text(), more: make(chan struct{})} }

// Changed notes a job's new state.
func (f *Feed) Changed(job *jobs.Job) {
	until := f.watched.Load()
	if until == 0 {
		return
	}
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.UnixNano() > until { // they have gone
		f.ring = nil
		f.watched.CompareAndSwap(until, 0)
		return
	}
	if f.ring == nil {
		f.ring = make([]news, feedSize)
	}
	f.ring[f.end%feedSize] = news{now, *job}
	f.end++
	close(f.more)
	f.more = make(chan struct{})
}

// watch answers a query, as soon as there is something.
func (f *Feed) watch(ctx context.Context, q WatchQuery) Changes {
	ctx, cancel := context.WithTimeout(ctx, watchFor)
	defer cancel()
	f.watched.Store(time.Now().Add(watchFor + watchedFor).UnixNano())
	f.mu.Lock()
	a := Changes{Feed: f.id, After: q.After}
	if q.Feed != f.id {
		a.After = f.end // from now on: said at once, so that nothing is missed from here
		f.mu.Unlock()
		return a
	}
	for {
		a.Lost += f.collect(&a, &q.Filter)
		more := f.more
		f.mu.Unlock()
		if len(a.Changes) > 0 || a.Lost > 0 {
			return a
		}
		select {
		case <-more:
		case <-ctx.Done():
			return a
		}
		f.mu.Lock()
	}
}

// collect adds what matches, at most a page, and returns how many changes are
// not kept any more. The lock is held.
func (f *Feed) collect(a *Changes, filter *jobs.Filter) (lost uint64) {
	oldest := f.end - min(f.end, uint64(len(f.ring)))
	if a.After < oldest {
		lost, a.After = oldest-a.After, oldest
	}
	for ; a.After < f.end && len(a.Changes) < MaxPage; a.After++ {
		c := &f.ring[a.After%feedSize]
		if filter.Match(&c.job) {
			v := view(&c.job)
			v.State = c.job.State // running, too
			a.Changes = append(a.Changes, Change{At: c.at.UTC(), Job: v})
		}
	}
	return lost
}
