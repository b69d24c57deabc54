package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"dispatcher/jobs"
)

// A job record is: version, state, type, code (one byte each, so that a list
// can be filtered without decoding), flags, then the fields, then the steps of
// its last attempt, then a checksum.
const (
	recordVersion       = 1
	recordVersionTraced = 2 // with [jobs.Job.Trace] behind the note

	atState = 1
	atType  = 2
	atCode  = 3
)

const (
	flagSubmitted = 1 << iota
	flagReopened
	flagFailure
)

// typeNumber gives a message type its byte; 0 for one that is written out.
func typeNumber(name string) byte { return byte(slices.Index(jobs.Types(), name) + 1) }

// codeNumber gives a failure code its byte; 0 for none or one written out.
func codeNumber(code jobs.Code) byte { return byte(slices.Index(jobs.Codes(), code) + 1) }

func encodeJob(j *jobs.Job, steps []jobs.Step) []byte {
	e := jobs.Encoder{B: make([]byte, 0, 256+160*len(steps))}
	var code, flags byte
	if j.Failure != nil {
		code, flags = codeNumber(j.Failure.Code), flagFailure
	}
	if j.Submitted {
		flags |= flagSubmitted
	}
	if j.Reopened {
		flags |= flagReopened
	}
	version := byte(recordVersion)
	if j.Trace != "" {
		version = recordVersionTraced
	}
	e.B = append(e.B, version, byte(j.State), typeNumber(j.Type), code, flags)
	e.String(j.ID)
	if typeNumber(j.Type) == 0 {
		e.String(j.Type)
	}
	e.String(j.Key)
	e.String(j.Source.Topic)
	e.Int(int64(j.Source.Partition))
	e.Int(j.Source.Offset)
	e.Time(j.Source.Timestamp)
	e.String(j.Source.Key)
	e.Int(int64(j.Replay))
	e.Uint(j.StreamSeq)
	e.String(j.Idempotent)
	e.Time(j.ReceivedAt)
	e.Time(j.StartedAt)
	e.Time(j.FinishedAt)
	e.Time(j.NextAttemptAt)
	e.Int(int64(j.Attempts))
	e.Int(int64(j.BudgetFrom))
	e.Time(j.FirstFailedAt)
	e.Int(int64(j.Crashes))
	if f := j.Failure; f != nil {
		e.String(string(f.Class))
		e.String(string(f.Code))
		e.String(f.Message)
		e.Int(int64(f.HTTPStatus))
	}
	e.String(j.Worker)
	e.Uint(uint64(len(j.Objects)))
	for _, o := range j.Objects {
		e.String(o)
	}
	e.String(j.Note)
	if version == recordVersionTraced {
		e.String(j.Trace)
	}
	for i := range steps {
		putStep(&e, &steps[i])
	}
	e.Seal(0)
	return e.B
}

// decodeJob reads a record and the steps at its end.
func decodeJob(seq uint64, raw []byte) (j jobs.Job, steps []jobs.Step, err error) {
	d := jobs.OpenRecord(raw)
	version := d.Byte()
	if d.Err == nil && (version < recordVersion || version > recordVersionTraced) {
		return j, nil, fmt.Errorf("job record %d: %w (version %d)", seq, ErrNewer, version)
	}
	j.Seq = seq
	j.State = jobs.State(d.Byte())
	kind, _, flags := d.Byte(), d.Byte(), d.Byte()
	j.Submitted, j.Reopened = flags&flagSubmitted != 0, flags&flagReopened != 0
	j.ID = d.String()
	switch types := jobs.Types(); {
	case kind == 0:
		j.Type = d.String()
	case int(kind) <= len(types):
		j.Type = types[kind-1]
	}
	j.Key = d.String()
	j.Source = jobs.Source{
		Topic: d.String(), Partition: int32(d.Int()), Offset: d.Int(), Timestamp: d.Time(), Key: d.String(),
	}
	j.Replay = int(d.Int())
	j.StreamSeq = d.Uint()
	j.Idempotent = d.String()
	j.ReceivedAt, j.StartedAt, j.FinishedAt, j.NextAttemptAt = d.Time(), d.Time(), d.Time(), d.Time()
	j.Attempts, j.BudgetFrom = int(d.Int()), int(d.Int())
	j.FirstFailedAt = d.Time()
	j.Crashes = int(d.Int())
	if flags&flagFailure != 0 {
		j.Failure = &jobs.Failure{
			Class: jobs.Class(d.String()), Code: jobs.Code(d.String()), Message: d.String(), HTTPStatus: int(d.Int()),
		}
	}
	j.Worker = d.String()
	for n := d.Uint(); n > 0 && d.Err == nil; n-- {
		j.Objects = append(j.Objects, d.String())
	}
	j.Note = d.String()
	if version == recordVersionTraced {
		j.Trace = d.String()
	}
	for d.More() {
		steps = append(steps, getStep(&d))
	}
	if d.Err != nil {
		return j, nil, fmt.Errorf("job record %d: %w; %s", seq, ErrDamaged, remedy)
	}
	return j, steps, nil
}

// receivedAt reads of a record when its job came.
func receivedAt(raw []byte) (at time.Time, ok bool) {
	d := jobs.OpenRecord(raw)
	for range atCode + 2 { // up to the flags
		d.Byte()
	}
	d.Skip() // ID
	if d.Err == nil && raw[atType] == 0 {
		d.Skip() // Type
	}
	d.Skip() // Key
	d.Skip() // Source.Topic
	d.Int()
	d.Int()
	d.Time()
	d.Skip() // Source.Key
	d.Int()  // Replay
	d.Uint() // StreamSeq
	d.Skip() // Idempotent
	at = d.Time()
	return at, d.Err == nil
}

func putStep(e *jobs.Encoder, s *jobs.Step) {
	e.String(s.Name)
	e.String(string(s.State))
	e.Time(s.StartedAt)
	e.Time(s.FinishedAt)
	e.Bytes(s.Result)
}

func getStep(d *jobs.Decoder) jobs.Step {
	return jobs.Step{
		Name: d.String(), State: jobs.StepState(d.String()), StartedAt: d.Time(), FinishedAt: d.Time(), Result: d.Bytes(),
	}
}

func putAttempt(e *jobs.Encoder, a *jobs.Attempt) {
	e.Int(int64(a.N))
	e.Time(a.StartedAt)
	e.Int(a.DurationMS)
	e.String(string(a.Code))
	e.Int(int64(a.HTTPStatus))
	e.String(a.Message)
}

func getAttempt(d *jobs.Decoder) jobs.Attempt {
	return jobs.Attempt{
		N: int(d.Int()), StartedAt: d.Time(), DurationMS: d.Int(), Code: jobs.Code(d.String()), HTTPStatus: int(d.Int()), Message: d.String(),
	}
}

func putAudit(e *jobs.Encoder, a *jobs.AuditEntry) {
	e.Time(a.At)
	e.String(a.Operator)
	e.String(a.Action)
	e.String(a.Reason)
}

func getAudit(d *jobs.Decoder) jobs.AuditEntry {
	return jobs.AuditEntry{At: d.Time(), Operator: d.String(), Action: d.String(), Reason: d.String()}
}

// key64 is a sequence as a key: ascending.
func key64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
