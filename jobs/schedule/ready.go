package schedule

import (
	"cmp"
	"container/heap"
	"slices"

	"dispatcher/jobs"
)

// kinds gives each message type a small number; 0 is a type unknown here.
var kinds = append([]string{""}, jobs.Types()...)

func kindOf(messageType string) uint8 {
	for i, k := range kinds {
		if k == messageType {
			return uint8(i)
		}
	}
	return 0
}

// queue is a first-in first-out ring of entries.
type queue struct {
	items []*entry
	head  int
	n     int
}

func (q *queue) push(e *entry) {
	if q.n == len(q.items) {
		q.grow()
	}
	q.items[(q.head+q.n)%len(q.items)] = e
	q.n++
}

func (q *queue) grow() {
	bigger := make([]*entry, max(16, 2*len(q.items)))
	for i := range q.n {
		bigger[i] = q.items[(q.head+i)%len(q.items)]
	}
	q.items, q.head = bigger, 0
}

func (q *queue) peek() *entry {
	if q.n == 0 {
		return nil
	}
	return q.items[q.head]
}

func (q *queue) pop() *entry {
	e := q.items[q.head]
	q.items[q.head] = nil
	q.head = (q.head + 1) % len(q.items)
	q.n--
	return e
}

// readyQueues keeps a queue per message type, so that neither a held type nor a
// slow one stands before the others.
type readyQueues struct {
	byKind []queue
	inHand []int // running and ending, by kind
	ticket uint64
	alone  queue // jobs that must run with nothing beside them
}

func newReadyQueues() readyQueues {
	return readyQueues{byKind: make([]queue, len(kinds)), inHand: make([]int, len(kinds))}
}

// push makes e claimable, after all that are.
func (r *readyQueues) push(e *entry) {
	e.phase = ready
	r.ticket++
	e.ticket = r.ticket
	if e.crashes >= crashesAlone {
		r.alone.push(e)
		return
	}
	r.byKind[e.kind].push(e)
}

// next takes an entry of the kind that has the fewest in hand, among the kinds
// that eligible lets pass; of two kinds with as many, the entry that waits
// longer. So each kind gets its share of the slots while it has work: thousands
// of slow uploads do not keep an update waiting, and the other way round.
// nil if there is none.
func (r *readyQueues) next(eligible func(kind uint8) bool) *entry {
	best := -1
	for kind := range r.byKind {
		q := &r.byKind[kind]
		dropGone(q)
		if q.n > 0 && eligible(uint8(kind)) && (best < 0 || r.before(kind, best)) {
			best = kind
		}
	}
	if best < 0 {
		return nil
	}
	return r.byKind[best].pop()
}

func (r *readyQueues) before(a, b int) bool {
	if r.inHand[a] != r.inHand[b] {
		return r.inHand[a] < r.inHand[b]
	}
	return r.byKind[a].peek().ticket < r.byKind[b].peek().ticket
}

// nextAlone takes the next job that must run alone.
func (r *readyQueues) nextAlone(eligible func(kind uint8) bool) *entry {
	dropGone(&r.alone)
	if e := r.alone.peek(); e != nil && eligible(e.kind) {
		return r.alone.pop()
	}
	return nil
}

// dropGone removes what was released or canceled while it waited.
func dropGone(q *queue) {
	for q.n > 0 && q.peek().phase != ready {
		q.pop()
	}
}

// dueHeap orders the jobs in backoff by the time of their next attempt.
type dueHeap []*entry

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].dueIndex, h[j].dueIndex = int32(i), int32(j)
}

func (h *dueHeap) Push(x any) {
	e := x.(*entry)
	e.dueIndex = int32(len(*h))
	*h = append(*h, e)
}

func (h *dueHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}

// popDue takes the first entry that is due at now (Unix nanoseconds).
func (h *dueHeap) popDue(now int64) *entry {
	if len(*h) == 0 || (*h)[0].due > now {
		return nil
	}
	return heap.Pop(h).(*entry)
}

func (q *queue) pushFront(e *entry) {
	if q.n == len(q.items) {
		q.grow()
	}
	q.head = (q.head - 1 + len(q.items)) % len(q.items)
	q.items[q.head] = e
	q.n++
}

// sortBySeq puts the oldest job first.
func (q *queue) sortBySeq() {
	sorted := make([]*entry, 0, q.n)
	for q.n > 0 {
		sorted = append(sorted, q.pop())
	}
	slices.SortFunc(sorted, func(a, b *entry) int { return cmp.Compare(a.seq, b.seq) })
	for _, e := range sorted {
		q.push(e)
	}
}
