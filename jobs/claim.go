package jobs

import (
	"context"
	"time"
)

// Lease names one claim of one job. Epoch is new for each claim; reports that
// carry an older one are refused with [ErrStale].
type Lease struct {
	Seq    uint64
	ID     string
	Epoch  uint64
	Holder string // who has it on another host; "": this process
}

// Claim is a job handed to a worker for one attempt; it is the worker's alone.
type Claim struct {
	Lease
	Job      Job             // a copy
	Payload  Envelope        // the message as it came from Kafka
	Steps    []Step          // recorded by earlier attempts, oldest first
	Resumed  bool            // an earlier attempt may have had effects: look before writing
	Granted  []string        // object locks already held, after an attempt that ended [OutcomeLocked]
	Revoked  context.Context // ends when the attempt must stop at once; nil: never
	Lapsed   func() bool     // another process may be active: no write may begin; nil: never
	Canceled func() bool     // an operator wants the attempt to end before its next step; nil: never
	Valid    func() bool     // asked right before each request to the API; false: the lease may have ended, nothing may be sent; nil: it never ends
	LandsBy  time.Time       // until then a write of an earlier attempt may still land; zero: none may
}

// OutcomeKind says how an attempt ended.
type OutcomeKind uint8

const (
	OutcomeSucceeded OutcomeKind = iota + 1
	OutcomeFailed                // permanently: Failure says why
	OutcomeRetry                 // spent an attempt; Failure says why
	OutcomeHeld                  // an outside party is away: no attempt spent; Reason says which
	OutcomeLocked                // wants object locks that others hold: no attempt spent
	OutcomeReturned              // given back unfinished, on shutdown or until NotBefore: no attempt spent
)

// String names how an attempt ended, for traces.
func (k OutcomeKind) String() string {
	names := [...]string{"", "succeeded", "failed", "retry", "held", "locked", "returned"}
	if int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// Outcome is a worker's report of an ended attempt.
type Outcome struct {
	Kind       OutcomeKind
	Failure    *Failure      // of OutcomeFailed and OutcomeRetry
	RetryAfter time.Duration // of OutcomeRetry: what the server asked for
	Reason     Reason        // of OutcomeHeld
	NotBefore  time.Time     // of OutcomeReturned: when it can go on; zero: at once
	Wanted     []string      // of OutcomeLocked: every object the job is going to write
	Objects    []string      // ids written in this attempt, in order
	Unanswered []string      // objects whose last write got no answer: quarantined for other jobs
	Steps      []Step        // recorded since the last checkpoint
	Note       string        // see [Job.Note]
	StartedAt  time.Time
	EndedAt    time.Time
}

// Hold is a reason why work stands still, with its scope.
type Hold struct {
	Reason  Reason    `json:"reason"`
	Scope   string    `json:"scope"` // all, type:<t> or worker:<name>
	Since   time.Time `json:"since"`
	Message string    `json:"message"`
}
