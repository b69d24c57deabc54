package ingest

import (
	"fmt"
	"time"

	"dispatcher/jobs"
)

// evidence is all that is known about a partition when it is assigned.
type evidence struct {
	known    bool // the ledger has read it before
	state    jobs.PartitionState
	low      int64 // lowest unfinished offset of the ledger
	identity string
	counter  uint64 // of the ledger's own commits

	commit   int64 // -1: none
	metadata string

	first, end int64     // of the log
	firstAt    time.Time // timestamp of its first record; zero if it is empty
	mark       markState

	resetCursor bool // an operator accepts that the topic was truncated
}

// markState tells whether the log still holds the last record that was taken.
type markState int

const (
	markUnknown markState = iota // nothing was taken, or it has expired
	markSame
	markDifferent
)

// decision is how a partition is taken over.
type decision struct {
	begin    bool            // start anew at from
	from     int64           // first offset to read
	replay   int             // number of the reading
	finished []jobs.Interval // done by others: release our jobs there, and never read them
	below    int64           // everything before is done by others; 0: says nothing
	expired  int64           // offsets that Kafka dropped unread
	isCopy   bool            // the ledger is a copy or an old backup: it needs a new identity
	hold     error           // nothing may be done before an operator decides
	say      string          // for people
}

// decide implements the rules of an assignment.
func decide(e evidence) decision {
	metadata, ours := decodeMetadata(e.metadata, e.commit)
	if !e.known {
		return e.firstTime(metadata)
	}
	if d, changed := e.anotherLog(); changed {
		return d
	}
	d := decision{from: e.state.Cursor, replay: e.state.Replay}
	switch {
	case e.commit < 0: // expired or never made: our own cursor counts
	case ours && metadata.identity == e.identity && metadata.counter <= e.counter:
	case ours:
		d.isCopy = metadata.identity == e.identity
		d.below, d.finished = e.commit, metadata.finished
		d.from = max(d.from, e.commit)
	case e.commit == e.state.Committed:
	case e.commit < e.state.Cursor && e.commit < e.low:
		d.begin, d.from, d.replay = true, max(e.commit, e.first), e.state.Replay+1
		d.say = fmt.Sprintf("the group's offset was moved back to %d: its messages are carried out again, their ids end in ~%d", e.commit, d.replay)
		return d
	default: // another consumer, the Python dispatcher say, has come further
		d.below = e.commit
		d.from = max(d.from, e.commit)
	}
	return e.skipExpired(d)
}

// firstTime is for a partition that this data directory has never read.
func (e evidence) firstTime(metadata commitMetadata) decision {
	d := decision{begin: true, replay: 1}
	switch {
	case e.commit < 0:
		d.from = e.first
		d.say = "no offset is committed: reading from the earliest message"
	case e.commit > e.end:
		return e.truncated(e.commit)
	default:
		d.from, d.finished = e.commit, metadata.finished
		d.say = fmt.Sprintf("reading on from the committed offset %d", e.commit)
	}
	return e.skipExpired(d)
}

// anotherLog recognises a log that is not the one that was read.
func (e evidence) anotherLog() (d decision, changed bool) {
	if e.mark != markDifferent && e.state.Cursor <= e.end {
		return d, false
	}
	newer := e.firstAt.IsZero() && e.end == e.first
	if e.state.Last != nil && !e.firstAt.IsZero() {
		newer = e.firstAt.After(e.state.Last.Timestamp)
	}
	if !newer {
		return e.truncated(e.state.Cursor), true
	}
	return decision{
		begin: true, from: e.first, replay: e.state.Replay + 1,
		say: fmt.Sprintf("the topic was recreated: reading it from its beginning, ids end in ~%d", e.state.Replay+1),
	}, true
}

// truncated is for a log that ends before what was read or committed.
func (e evidence) truncated(read int64) decision {
	if e.resetCursor {
		return decision{
			begin: true, from: e.end, replay: max(e.state.Replay, 1) + 1,
			say: fmt.Sprintf("the topic was truncated, as the operator accepts: reading on from its end %d", e.end),
		}
	}
	return decision{hold: fmt.Errorf("the log ends at %d, but %d was read before and its records are not the same: the topic was truncated or restored; start with run --reset-cursor to go on from its end", e.end, read)}
}

// skipExpired moves a start that Kafka does not hold any more.
func (e evidence) skipExpired(d decision) decision {
	if d.from < e.first {
		d.expired = e.first - d.from
		d.from = e.first
		d.say = fmt.Sprintf("%d messages expired unread", d.expired)
	}
	return d
}

// done reports whether an offset was finished by others.
func (d decision) done(offset int64) bool {
	if offset < d.below {
		return true
	}
	for _, run := range d.finished {
		if offset >= run.From && offset <= run.To {
			return true
		}
	}
	return false
}
