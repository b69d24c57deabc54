package web

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"dispatcher/jobs/control"
)

// Bounds of those who watch.
const (
	maxClients = 64
	backlog    = 32 // events that wait for a slow one, before it is cut off
	maxNamed   = 200
)

// How often they are told something.
const (
	statsEvery   = time.Second
	changesEvery = 400 * time.Millisecond
)

// errFull says that too many watch.
var errFull = errors.New("too many pages are open; close one")

// event is one of a stream.
type event struct {
	name string
	data []byte // JSON on one line
}

// moved tells which jobs have another state.
type moved struct {
	IDs  []string `json:"ids"`
	Many bool     `json:"many,omitempty"` // and others
}

// hub asks the backend once for all who watch, and only while somebody does.
type hub struct {
	backend control.Viewer
	history *History

	mu      sync.Mutex
	clients map[chan event]struct{}
	stop    context.CancelFunc // nil: nobody watches
	ready   chan struct{}      // closed when no change can be missed any more
	closed  bool
}

func newHub(backend control.Viewer, history *History) *hub {
	return &hub{backend: backend, history: history, clients: make(map[chan event]struct{})}
}

// join returns a stream of events, which is closed when its reader is too slow
// or the process ends. No change after ready is closed is missing in it.
func (h *hub) join() (stream chan event, ready <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.clients) >= maxClients {
		return nil, nil, errFull
	}
	stream = make(chan event, backlog)
	h.clients[stream] = struct{}{}
	if h.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		h.stop, h.ready = stop, make(chan struct{})
		go h.stats(ctx)
		go h.watch(ctx, h.ready)
	}
	return stream, h.ready, nil
}

// part ends a stream.
func (h *hub) part(stream chan event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(stream)
}

// drop ends a stream, and the work for all when it was the last. The lock is held.
func (h *hub) drop(stream chan event) {
	if _, in := h.clients[stream]; !in {
		return
	}
	delete(h.clients, stream)
	close(stream)
	if len(h.clients) == 0 {
		h.stop()
		h.stop = nil
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for stream := range h.clients {
		h.drop(stream)
	}
}

// tell sends an event to all; who is too slow for it is dropped, and will ask anew.
func (h *hub) tell(name string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for stream := range h.clients {
		select {
		case stream <- event{name, data}:
		default:
			h.drop(stream)
		}
	}
}

// pulse is the event "stats".
type pulse struct {
	Stats  control.Stats `json:"stats"`
	Now    time.Time     `json:"now"`
	Sample *Sample       `json:"sample,omitempty"` // the newest
}

func (h *hub) stats(ctx context.Context) {
	tick := time.NewTicker(statsEvery)
	defer tick.Stop()
	for {
		if stats, err := h.backend.Stats(ctx); err == nil {
			p := pulse{Stats: stats, Now: time.Now().UTC()}
			if last, ok := h.history.Last(); ok {
				p.Sample = &last
			}
			h.tell("stats", p)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// watch tells of jobs that moved, a few times per second at most.
func (h *hub) watch(ctx context.Context, ready chan<- struct{}) {
	q := control.WatchQuery{}
	for first := true; ctx.Err() == nil; first = false {
		changes, err := h.backend.Watch(ctx, q)
		if first {
			close(ready)
		}
		if err != nil {
			return // nothing can be watched here: the page asks now and then
		}
		q.Feed, q.After = changes.Feed, changes.After
		if len(changes.Changes) == 0 && changes.Lost == 0 {
			continue
		}
		h.tell("jobs", movedOf(&changes))
		select {
		case <-time.After(changesEvery):
		case <-ctx.Done():
		}
	}
}

func movedOf(changes *control.Changes) (m moved) {
	m.IDs, m.Many = []string{}, changes.Lost > 0
	seen := make(map[string]bool)
	for i := range changes.Changes {
		id := changes.Changes[i].ID
		switch {
		case seen[id]:
		case len(m.IDs) == maxNamed:
			m.Many = true
		default:
			seen[id] = true
			m.IDs = append(m.IDs, id)
		}
	}
	return m
}
