package remote

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dispatcher/jobs"
)

// Version is that of the protocol. Another one is refused.
const Version = "1"

// Kinds of requests: the last part of the subject.
const (
	kindRenew      = "renew"
	kindClaim      = "claim"
	kindWithdraw   = "withdraw"
	kindLock       = "lock"
	kindCheckpoint = "checkpoint"
	kindFinish     = "finish"
)

// Headers of requests and answers.
const (
	versionHeader = "Dispatcher-Work-Version"
	errorHeader   = "Dispatcher-Error"      // one of the codes
	textHeader    = "Dispatcher-Error-Text" // for people
)

// Codes of errors.
const (
	codeStale   = "stale"   // [jobs.ErrStale]
	codeLocked  = "locked"  // [jobs.ErrLocked]
	codeVersion = "version" // the other side speaks another version
	codeFailed  = "failed"  // try again
)

// ErrVersion says that the run host speaks another version.
var ErrVersion = errors.New("use the same version of the dispatcher on both hosts")

// leaseRef names a lease on the wire. Who holds it is never told, but known.
type leaseRef struct {
	Seq   uint64 `json:"seq"`
	ID    string `json:"id"`
	Epoch uint64 `json:"epoch"`
	Store string `json:"store"` // the ledger that gave it
}

// renewRequest tells what a process has, all of it.
type renewRequest struct {
	Session  string      `json:"session"`
	Process  string      `json:"process"` // host/pid
	Capacity int         `json:"capacity"`
	Leases   []leaseRef  `json:"leases,omitempty"`
	Holds    []jobs.Hold `json:"holds,omitempty"`
	Leaving  bool        `json:"leaving,omitempty"` // it ends
}

type renewAnswer struct {
	Store  string        `json:"store"`
	Active bool          `json:"active"`
	Lease  time.Duration `json:"lease_ns"`
	Leases []renewed     `json:"leases,omitempty"` // in the order of the request
	Rate   float64       `json:"rate,omitempty"`   // requests per second that this process may ask the API, 0: no limit
}

type renewed struct {
	Stale    bool `json:"stale,omitempty"`
	Renewed  bool `json:"renewed,omitempty"`
	Canceled bool `json:"canceled,omitempty"`
}

type claimRequest struct {
	Session string        `json:"session"`
	Process string        `json:"process"`
	Poll    string        `json:"poll"` // names it for a withdrawal
	Wait    time.Duration `json:"wait_ns"`
}

// claimAnswer stands before the encoded message; without one there is no job.
type claimAnswer struct {
	Lease    leaseRef      `json:"lease"`
	Worker   string        `json:"worker"`
	Type     string        `json:"type"`
	Attempts int           `json:"attempts"`
	Steps    []jobs.Step   `json:"steps,omitempty"`
	Resumed  bool          `json:"resumed,omitempty"`
	Granted  []string      `json:"granted,omitempty"`
	LandsIn  time.Duration `json:"lands_in_ns,omitempty"`
}

type withdrawRequest struct {
	Session string `json:"session"`
	Poll    string `json:"poll"`
}

type lockRequest struct {
	Session string   `json:"session"`
	Lease   leaseRef `json:"lease"`
	Objects []string `json:"objects"`
}

type checkpointRequest struct {
	Session string      `json:"session"`
	Lease   leaseRef    `json:"lease"`
	Steps   []jobs.Step `json:"steps"`
	Sync    bool        `json:"sync,omitempty"`
}

type finishRequest struct {
	Session string       `json:"session"`
	Lease   leaseRef     `json:"lease"`
	Outcome jobs.Outcome `json:"outcome"`
	SentAt  time.Time    `json:"sent_at"`        // by the clock that the outcome's times are of
	Next    string       `json:"next,omitempty"` // [claimRequest.Process]: it would have a job with the answer, if there is one
}

// frame puts a message behind its JSON description, without a copy of its own.
func frame(head any, message *jobs.Envelope) ([]byte, error) {
	text, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	out := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(text)), uint32(len(text)))
	return message.Encode(append(out, text...)), nil
}

// unframe reads what frame wrote. The encoded message is not copied.
func unframe(data []byte, head any) (body []byte, err error) {
	if len(data) < 4 {
		return nil, errors.New("the answer is cut")
	}
	n := uint64(binary.BigEndian.Uint32(data))
	if uint64(len(data)-4) < n {
		return nil, errors.New("the answer is cut")
	}
	if err := json.Unmarshal(data[4:4+n], head); err != nil {
		return nil, fmt.Errorf("the answer is not JSON: %w", err)
	}
	return data[4+n:], nil
}
