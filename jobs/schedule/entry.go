package schedule

import (
	"hash/maphash"
	"sync/atomic"

	"dispatcher/jobs"
)

// phase is where an unfinished job stands inside the scheduler.
type phase uint8

const (
	behind  phase = iota // an earlier job of its lane is unfinished
	ready                // may be claimed
	running              // claimed
	ending               // its outcome is on the way into the ledger
	waiting              // its next attempt is due later
	locked               // waits for object locks
	parked               // waits for a hold of its own to be cleared (S3)
	gone                 // ended or released; lists that still name it skip it
)

// entry is one unfinished job. There can be 100,000 of them, so that it holds
// only what scheduling needs; the record itself is read again at claim.
type entry struct {
	seq       uint64
	streamSeq uint64 // 0: the payload is in the ledger
	epoch     uint64
	ticket    uint64 // order of asking for locks
	offset    int64
	due       int64 // Unix nanoseconds, of waiting
	lands     int64 // until when a write of it that got no answer may land; 0: none
	lane      *lane
	next      *entry                    // in the lane
	hot       *hot                      // nil: read record and payload at claim
	run       *run                      // while running or ending
	canceling atomic.Pointer[canceling] // an operator wants it to end; set and unset under the lock
	grant     *grant                    // object locks held or asked for
	partition int32                     // index into Scheduler.partitions
	dueIndex  int32
	phase     phase
	kind      uint8 // index into kinds
	crashes   uint8
	lost      uint8 // how often its message was found lost; only its claimer counts
	resumed   bool  // an earlier attempt may have had effects
	retrying  bool
	inKafka   bool
	elsewhere bool // in a process that gives out nothing: a worker on another host may have it
	cold      bool // waits to be read into memory, see Scheduler.cold
}

// hot is record and message of a job: kept in memory of one that runs soon, so that
// they need not be read back, and of one that runs.
type hot struct {
	job     jobs.Job
	payload jobs.Envelope
	bytes   int64
}

// run is the current attempt of a job.
type run struct {
	*hot   // nil: not read yet, nobody has the claim
	worker string
	slot   int
	lease  *lease // of a worker on another host; nil: it is in this process
}

// lane is the queue of one ordering key, by sequence. Lanes are found by the
// hash of their key: two keys that collide share a lane, which only makes one
// wait for the other.
type lane struct {
	head, tail *entry
	hash       uint64
}

type lanes struct {
	seed   maphash.Seed
	byHash map[uint64]*lane
}

func newLanes() lanes {
	return lanes{seed: maphash.MakeSeed(), byHash: make(map[uint64]*lane)}
}

// insert puts e into the lane of key, in the order of sequences, behind a head
// that is already on its way. It reports whether e is the head.
func (ls *lanes) insert(key string, e *entry) (isHead bool) {
	h := maphash.String(ls.seed, key)
	l := ls.byHash[h]
	if l == nil {
		l = &lane{hash: h}
		ls.byHash[h] = l
	}
	e.lane = l
	switch {
	case l.head == nil:
		l.head, l.tail = e, e
		return true
	case l.tail.seq < e.seq:
		l.tail.next = e
		l.tail = e
		return false
	}
	return l.insertSorted(e)
}

// insertSorted is for a job that comes late: another partition's batch was
// faster, or an operator retried an old one.
func (l *lane) insertSorted(e *entry) (isHead bool) {
	if e.seq < l.head.seq && l.head.yields() {
		l.head.phase = behind
		e.next = l.head
		l.head = e
		return true
	}
	at := l.head
	for at.next != nil && at.next.seq < e.seq {
		at = at.next
	}
	e.next, at.next = at.next, e
	if e.next == nil {
		l.tail = e
	}
	return false
}

// remove takes e out of its lane and returns the new head if that changed.
func (ls *lanes) remove(e *entry) (head *entry) {
	l := e.lane
	e.lane = nil
	if l.head == e {
		l.head = e.next
		if l.head == nil {
			delete(ls.byHash, l.hash)
		}
		e.next = nil
		return l.head
	}
	for at := l.head; at.next != nil; at = at.next {
		if at.next == e {
			at.next = e.next
			if at.next == nil {
				l.tail = at
			}
			break
		}
	}
	e.next = nil
	return nil
}

// yields reports whether an older job of the lane may still go first. One that
// has been granted locks may not wait for another: that could want the same.
func (e *entry) yields() bool {
	return e.grant == nil && (e.phase == ready || e.phase == waiting || e.phase == behind)
}
