package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// observer looks at the group's commits all the time.
type observer struct {
	arena *arena

	mu     sync.Mutex
	seen   [][]sight // by partition, ascending
	wrong  []string
	looks  int
	failed int
}

// sight is a commit that was seen: it was there before at.
type sight struct {
	offset int64
	at     time.Time // the answer's time
}

func newObserver(a *arena) *observer {
	return &observer{arena: a, seen: make([][]sight, a.partitions)}
}

// run looks until ctx ends.
func (o *observer) run(ctx context.Context) {
	for pause(ctx, 40*time.Millisecond) {
		for p := range o.seen {
			o.look(ctx, p)
		}
	}
}

func (o *observer) look(ctx context.Context, p int) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	offset, metadata, err := o.arena.kafka.Commit(ctx, group, topic, p)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.failed++ // a broker that was killed
		return
	}
	o.looks++
	last := int64(-1)
	if n := len(o.seen[p]); n > 0 {
		last = o.seen[p][n-1].offset
	}
	switch {
	case offset < last:
		o.wrong = append(o.wrong, fmt.Sprintf("the commit of partition %d went back from %d to %d (%q) at %s", p, last, offset, metadata, clock(time.Now())))
		fallthrough // said once
	case offset > last:
		o.seen[p] = append(o.seen[p], sight{offset, time.Now()})
	}
}

// committed returns when a commit behind an offset was first seen; false if
// none was.
func (o *observer) committed(partition int, offset int64) (at time.Time, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.seen[partition] {
		if s.offset > offset {
			return s.at, true
		}
	}
	return at, false
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }
