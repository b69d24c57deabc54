package jobs

import (
	"encoding/json"
	"strconv"
	"time"
)

// Message types that the dispatcher carries out.
const (
	TypeUpdateAppliedControl        = "update_applied_control"
	TypeUpdateRequirementAssessment = "update_requirement_assessment"
	TypeUploadAttachment            = "upload_attachment"
)

// Types returns every message type.
func Types() []string {
	return []string{TypeUpdateAppliedControl, TypeUpdateRequirementAssessment, TypeUploadAttachment}
}

// Partition names one partition of one Kafka topic.
type Partition struct {
	Topic string
	ID    int32
}

func (p Partition) String() string { return p.Topic + "-" + strconv.Itoa(int(p.ID)) }

// Source is where a job's message came from. A submitted job has no topic.
type Source struct {
	Topic     string    `json:"topic,omitempty"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Timestamp time.Time `json:"timestamp,omitzero"` // Kafka's record timestamp
	Key       string    `json:"key,omitempty"`      // as text; "base64:…" if it is not UTF-8
}

// Same reports whether both are the same record.
func (s Source) Same(o Source) bool {
	return s.Topic == o.Topic && s.Partition == o.Partition && s.Offset == o.Offset && s.Key == o.Key && s.Timestamp.Equal(o.Timestamp)
}

// Partition returns the Kafka partition of the source.
func (s Source) KafkaPartition() Partition { return Partition{Topic: s.Topic, ID: s.Partition} }

// ID returns the job id of a Kafka record; replay counts how often an
// operator had the log read again (0 and 1 add nothing).
func ID(topic string, partition int32, offset int64, replay int) string {
	b := make([]byte, 0, len(topic)+32)
	b = append(b, topic...)
	b = append(b, '-')
	b = strconv.AppendInt(b, int64(partition), 10)
	b = append(b, '-')
	b = strconv.AppendInt(b, offset, 10)
	if replay > 1 {
		b = append(b, '~')
		b = strconv.AppendInt(b, int64(replay), 10)
	}
	return string(b)
}

// Job is the record of a job: everything but its payload, steps and attempts.
type Job struct {
	Seq   uint64 // place in the ledger; ascending by arrival; never reused
	ID    string
	State State
	Type  string // message type; empty if the message could not be read
	Key   string // ordering key: jobs of one key run one after the other

	Source     Source
	Replay     int    // which reading of the log made it, see [ID]
	StreamSeq  uint64 // place of its payload in JOBS, 0 once it is gone from there
	Submitted  bool   // not from Kafka: never released, not in the watermark
	Reopened   bool   // an operator retried it: as Submitted from then on
	Idempotent string // idempotency-key header, empty if none
	Trace      string // traceparent header as it came, empty if none

	ReceivedAt    time.Time
	StartedAt     time.Time // of the first attempt
	FinishedAt    time.Time
	NextAttemptAt time.Time // of a retrying job

	Attempts      int       // all, over retries by operators too
	BudgetFrom    int       // attempts before the current budget began
	FirstFailedAt time.Time // of the current budget; its age counts from here, holds excluded
	Crashes       int       // unclean ends of the process with this job in hand

	Failure *Failure // why it failed, or why its last attempt did
	Worker  string   // who carried it out last, host/pid
	Objects []string // ids that it wrote, in order
	Note    string   // how it succeeded when that is not obvious ("superseded by …")
}

// InKafka reports whether the job counts in its partition's watermark.
func (j *Job) InKafka() bool { return !j.Submitted && !j.Reopened }

// StepState tells whether a step's effect is known.
type StepState string

const (
	StepIntent StepState = "intent" // begun; its effect may be there: look before doing it again
	StepDone   StepState = "done"
)

// Step is the durable record of one step of a job's workflow.
type Step struct {
	Name       string          `json:"name"`
	State      StepState       `json:"state"`
	StartedAt  time.Time       `json:"started_at"`
	FinishedAt time.Time       `json:"finished_at,omitzero"`
	Result     json.RawMessage `json:"result,omitempty"`
}

// Attempt is the record of one attempt that did not end in success.
type Attempt struct {
	N          int       `json:"n"`
	StartedAt  time.Time `json:"started_at"`
	DurationMS int64     `json:"duration_ms"`
	Code       Code      `json:"code,omitempty"`
	HTTPStatus int       `json:"http_status,omitempty"`
	Message    string    `json:"message,omitempty"`
}

// AuditEntry is what an operator did to a job, or to all of them.
type AuditEntry struct {
	At       time.Time `json:"at"`
	Operator string    `json:"operator"`
	Action   string    `json:"action"`
	Reason   string    `json:"reason,omitempty"`
}
