package jobs

import (
	"errors"
	"fmt"
	"time"
)

// Code says in one word why a job failed. The words are an interface: people
// filter and alert on them, so a code is never renamed.
type Code string

const (
	CodeInvalidMessage  Code = "invalid_message"
	CodeUnknownType     Code = "unknown_type"
	CodeInvalidSelector Code = "invalid_selector"
	CodeNoMatch         Code = "no_match"
	CodeManyMatches     Code = "many_matches"
	CodeTooManyMatches  Code = "too_many_matches"
	CodeRejected        Code = "rejected"
	CodeIgnoredFields   Code = "ignored_fields"
	CodeForbidden       Code = "forbidden"
	CodeFileMissing     Code = "file_missing"
	CodeFileRefused     Code = "file_refused"
	CodeExhausted       Code = "exhausted"
	CodeDenied          Code = "denied"
	CodeCrashed         Code = "crashed"
)

// Codes returns every failure code.
func Codes() []Code {
	return []Code{
		CodeInvalidMessage, CodeUnknownType, CodeInvalidSelector, CodeNoMatch, CodeManyMatches,
		CodeTooManyMatches, CodeRejected, CodeIgnoredFields, CodeForbidden, CodeFileMissing,
		CodeFileRefused, CodeExhausted, CodeDenied, CodeCrashed,
	}
}

// Class says whether trying again by itself could have helped.
type Class string

const (
	ClassPermanent Class = "permanent" // the same message would fail again
	ClassExhausted Class = "exhausted" // it might have worked, but the retry budget is spent
)

// Failure is why a job failed for good. It is an error, so that a workflow
// returns it; any error that wraps one ends the job.
type Failure struct {
	Class      Class  `json:"class"`
	Code       Code   `json:"code"`
	Message    string `json:"message"`               // one line for people: thing, value, remedy
	HTTPStatus int    `json:"http_status,omitempty"` // of the answer that decided, 0 if none did
}

func (f *Failure) Error() string { return string(f.Code) + ": " + f.Message }

// Fail returns a permanent [Failure].
func Fail(code Code, format string, args ...any) *Failure {
	return &Failure{Class: ClassPermanent, Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithStatus sets the HTTP status of the answer that decided and returns f.
func (f *Failure) WithStatus(status int) *Failure {
	f.HTTPStatus = status
	return f
}

// TransientError spends one attempt of its job, which is then tried again
// with backoff until its budget is spent.
type TransientError struct {
	Err        error
	HTTPStatus int           // 0 if there was no answer
	RetryAfter time.Duration // what the server asked for, 0 if nothing
}

func (e *TransientError) Error() string { return e.Err.Error() }
func (e *TransientError) Unwrap() error { return e.Err }

// Transient returns err as a [TransientError].
func Transient(status int, retryAfter time.Duration, err error) error {
	return &TransientError{Err: err, HTTPStatus: status, RetryAfter: retryAfter}
}

// Reason says why work does not go on although nothing is wrong with the jobs.
type Reason string

const (
	HoldAPIDown   Reason = "api_down"
	HoldAuth      Reason = "auth"
	HoldS3Down    Reason = "s3_down"
	HoldKafkaDown Reason = "kafka_down"
	HoldStoreFull Reason = "store_full"
	HoldPaused    Reason = "paused"
)

// Holds returns every reason for a hold.
func Holds() []Reason {
	return []Reason{HoldAPIDown, HoldAuth, HoldS3Down, HoldKafkaDown, HoldStoreFull, HoldPaused}
}

// Reasons why a single unfinished job does not run, beside the hold reasons.
const (
	WaitBehind  Reason = "behind"  // an earlier job of its key is unfinished
	WaitLocked  Reason = "locked"  // another job writes an object of it
	WaitBackoff Reason = "backoff" // its next attempt is due later
	WaitStandby Reason = "standby" // another process of the group is active
	WaitWorker  Reason = "worker"  // no worker is connected
)

// HoldError stops work until an outside party is back. It spends no attempt.
type HoldError struct {
	Reason Reason
	Err    error // one line for people, with the remedy
}

func (e *HoldError) Error() string { return string(e.Reason) + ": " + e.Err.Error() }
func (e *HoldError) Unwrap() error { return e.Err }

// Holding returns err as a [HoldError].
func Holding(reason Reason, err error) error { return &HoldError{Reason: reason, Err: err} }

var (
	// ErrNoJob says that no job has the id.
	ErrNoJob = errors.New("no such job")

	// ErrStale is returned when a claim's epoch is not the job's current one:
	// the job was leased again or ended meanwhile. The holder must stop at once.
	ErrStale = errors.New("claim is stale")

	// ErrCanceled ends an attempt before its next step: an operator wants it.
	ErrCanceled = errors.New("job is canceled")

	// ErrLapsed ends an attempt before its next write: the session is older than
	// its timeout, so that another process may be active.
	ErrLapsed = errors.New("the session of this process may be over")

	// ErrLocked is returned when an object that a job wants to write is
	// being written by another job. The slot is given back, see [Outcome].
	ErrLocked = errors.New("object is locked by another job")
)
