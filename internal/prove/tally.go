package main

import (
	"maps"
	"sync"
)

// tally counts how often each fault struck. What was scheduled stands in it
// from the beginning, so that a zero is seen.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func newTally() *tally { return &tally{counts: make(map[string]int)} }

func (t *tally) expect(names ...string) {
	for _, name := range names {
		t.add(name, 0)
	}
}

func (t *tally) add(name string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[name] += n
}

func (t *tally) all() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}
