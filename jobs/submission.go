package jobs

import (
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// Prefixes of the ids of jobs that do not come from the observation topic.
const (
	SubmitPrefix = "submit-"
	ReplayPrefix = "replay-"
)

// Headers of an envelope that did not come from the observation topic. What
// begins like them is left out when a record is made of it.
const (
	idHeader       = "dispatcher.job.id"
	operatorHeader = "dispatcher.operator"
	actionHeader   = "dispatcher.action"
	reasonHeader   = "dispatcher.reason"
)

// NewSubmission makes the message of a new job that an operator asks for. Its id
// is in it, so that it is the same however often it is handed over.
func NewSubmission(key, value []byte, now time.Time, by AuditEntry) Envelope {
	return Submission(SubmitPrefix+ulid.Make().String(), Envelope{Key: key, Value: value, Timestamp: now}, by)
}

// Submission makes of a message that of the job with an id, which an operator
// asks for.
func Submission(id string, message Envelope, by AuditEntry) Envelope {
	e := Envelope{Timestamp: message.Timestamp, Key: message.Key, Value: message.Value, Oversize: message.Oversize}
	e.Headers = []Header{
		{idHeader, []byte(id)}, {operatorHeader, []byte(by.Operator)}, {actionHeader, []byte(by.Action)}, {reasonHeader, []byte(by.Reason)},
	}
	for _, h := range message.Headers {
		switch h.Name {
		case idHeader, operatorHeader, actionHeader, reasonHeader:
		default:
			e.Headers = append(e.Headers, h)
		}
	}
	e.Bound()
	return e
}

// SetOperator replaces who submitted the message.
func (e *Envelope) SetOperator(name string) {
	for i := range e.Headers {
		if e.Headers[i].Name == operatorHeader {
			e.Headers[i].Value = []byte(name)
		}
	}
}

// Submitted reports whether the message did not come from Kafka.
func (e *Envelope) Submitted() bool { return e.Topic == "" }

// ID returns the id of the job that carries the message out.
func (e *Envelope) ID() string {
	if e.Submitted() {
		return e.header(idHeader)
	}
	return ID(e.Topic, e.Partition, e.Offset, e.Replay)
}

// ValidSubmission reports whether the message names a job that may be submitted.
func (e *Envelope) ValidSubmission() bool {
	id := e.ID()
	text, ok := strings.CutPrefix(id, SubmitPrefix)
	if !ok {
		text, ok = strings.CutPrefix(id, ReplayPrefix)
	}
	_, err := ulid.ParseStrict(text)
	return e.Submitted() && ok && err == nil
}

// Asked is who submitted the message, nil if it came from Kafka.
func (e *Envelope) Asked(at time.Time) *AuditEntry {
	if !e.Submitted() {
		return nil
	}
	return &AuditEntry{At: at, Operator: e.header(operatorHeader), Action: e.header(actionHeader), Reason: e.header(reasonHeader)}
}

func (e *Envelope) header(name string) string {
	for _, h := range e.Headers {
		if h.Name == name {
			return string(h.Value)
		}
	}
	return ""
}

// Carries reports whether the message is that of a job: a place in JOBS alone is
// never believed.
func (e *Envelope) Carries(job *Job) bool {
	if job.Submitted {
		return e.ID() == job.ID
	}
	return e.Topic == job.Source.Topic && e.Partition == job.Source.Partition && e.Offset == job.Source.Offset
}
