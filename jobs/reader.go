package jobs

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Policy is what producers may ask for; whoever can write to the topic can
// change the audit.
type Policy struct {
	AllowTypes   []string // empty: all
	DenyFields   []string // field, or type.field
	AllowBuckets []string // empty: all
}

// Reader makes jobs of Kafka records.
type Reader struct {
	Ordering string // [OrderByKey] (default) or [OrderByPartition]
	Policy   Policy
	Clock    func() time.Time
}

// maxTraceparent bounds the header: what is longer is none (W3C Trace Context
// has 55 bytes; a later version may add to them).
const maxTraceparent = 128

// Job returns the job of a record. It never fails: a record that cannot be
// carried out becomes a job that has failed already, with the reason.
func (r Reader) Job(e *Envelope) *Job {
	now := r.Clock()
	job := &Job{
		ID:         e.ID(),
		State:      Queued,
		Source:     e.Source(),
		Replay:     e.Replay,
		Submitted:  e.Submitted(),
		ReceivedAt: now,
	}
	for _, h := range e.Headers {
		switch {
		case h.Name == "idempotency-key":
			job.Idempotent = shorten(KeyText(h.Value))
		case h.Name == "traceparent" && len(h.Value) <= maxTraceparent:
			job.Trace = KeyText(h.Value)
		}
	}
	m, failure := r.read(e)
	job.Type = m.Type
	job.Key = orderingKey(r.Ordering, e, m)
	if failure != nil {
		job.State, job.Failure = Failed, failure
		job.Attempts, job.StartedAt, job.FinishedAt = 1, now, now
	}
	return job
}

// Source tells where a record came from.
func (e *Envelope) Source() Source {
	return Source{Topic: e.Topic, Partition: e.Partition, Offset: e.Offset, Timestamp: sane(e.Timestamp), Key: KeyText(e.Key)}
}

// Shell is what is known of a job's message when the message is lost.
func (j *Job) Shell() Envelope {
	key := []byte(j.Source.Key)
	if encoded, ok := strings.CutPrefix(j.Source.Key, "base64:"); ok {
		if raw, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			key = raw
		}
	}
	return Envelope{
		Topic: j.Source.Topic, Partition: j.Source.Partition, Offset: j.Source.Offset, Replay: j.Replay, Timestamp: j.Source.Timestamp, Key: key,
	}
}

// sane leaves out a time that JSON cannot show: producers have sent nanoseconds
// where Kafka counts milliseconds.
func sane(t time.Time) time.Time {
	if year := t.Year(); year < 1 || year > 9999 {
		return time.Time{}
	}
	return t
}

// read returns what could be read of the message, and why it cannot be carried
// out.
func (r Reader) read(e *Envelope) (*Message, *Failure) {
	if o := e.Oversize; o != nil {
		return &Message{}, o.failure()
	}
	m, o, failure := parseHead(e.Value)
	if failure != nil {
		return m, failure
	}
	if r.Policy.looksAtValues() || m.Type == TypeUploadAttachment && !selects(m.Selector) {
		var err error
		if m.Values, err = build(o.values); err != nil {
			return m, invalid("%s", err)
		}
	}
	return m, r.Policy.check(m)
}

func (p Policy) looksAtValues() bool { return len(p.DenyFields)+len(p.AllowBuckets) > 0 }

// check returns why the policy forbids a message, nil if it does not.
func (p Policy) check(m *Message) *Failure {
	if len(p.AllowTypes) > 0 && !slices.Contains(p.AllowTypes, m.Type) {
		return Fail(CodeDenied, "message_type %s is denied by policy.allow_types", m.Type)
	}
	for field := range m.Values {
		if slices.Contains(p.DenyFields, field) || slices.Contains(p.DenyFields, m.Type+"."+field) {
			return Fail(CodeDenied, "field %q is denied by policy.deny_fields", cut(field, 80))
		}
	}
	bucket, _ := m.Values["file_s3_bucket"].(string)
	if bucket != "" && len(p.AllowBuckets) > 0 && !slices.Contains(p.AllowBuckets, bucket) {
		return Fail(CodeDenied, "bucket %q is not among policy.allow_buckets", cut(bucket, 80))
	}
	return nil
}

// Describe names a job for logs: its id and type.
func (j *Job) Describe() string { return fmt.Sprintf("%s (%s)", j.ID, j.Type) }
