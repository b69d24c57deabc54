package ingest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/segmentio/kafka-go"

	"dispatcher/jobs"
)

// ErrorRecord is the value of a record on the errors topic. Consumers of the
// Python dispatcher read its first two fields.
type ErrorRecord struct {
	Message    json.RawMessage `json:"message"`
	Error      string          `json:"error"`
	JobID      string          `json:"job_id"`
	Class      jobs.Class      `json:"class"`
	Code       jobs.Code       `json:"code"`
	Attempts   int             `json:"attempts"`
	HTTPStatus int             `json:"http_status,omitempty"`
	FailedAt   time.Time       `json:"failed_at"`
	Source     *jobs.Source    `json:"source,omitempty"`
}

// Prefixes of headers that are ours: those of the original are replaced.
const (
	dlqPrefix = "__dlq.errors."
	ownPrefix = "dispatcher."
)

// shownBytes is how much of what does not fit is shown.
const shownBytes = 512

// cutting is how much of a message goes with its error record.
type cutting int

const (
	cutNothing cutting = iota
	cutFile            // the base64 of a file is described
	cutMessage         // the message is described
	cutFrame           // so it is, its headers are left out, and of a long key all but its beginning
)

// keptKey is how much of a key goes with [cutFrame].
const keptKey = 1 << 10

// errorMessage makes the record of a failed job.
func errorMessage(job *jobs.Job, env *jobs.Envelope, group string, how cutting) (kafka.Message, error) {
	if how == cutFrame {
		env = shortFrame(env)
	}
	failure := job.Failure
	if failure == nil {
		failure = jobs.Fail(jobs.CodeRejected, "unknown")
	}
	record := ErrorRecord{
		Message: original(env, how), Error: failure.Message, JobID: job.ID, Class: failure.Class, Code: failure.Code,
		Attempts: job.Attempts, HTTPStatus: failure.HTTPStatus, FailedAt: job.FinishedAt.UTC(), Source: sourceOf(job),
	}
	value, err := json.Marshal(record)
	if err != nil {
		return kafka.Message{}, fmt.Errorf("write error record of %s: %w", job.ID, err)
	}
	return kafka.Message{Key: env.Key, Value: value, Headers: headers(job, env, failure, group)}, nil
}

// shortFrame leaves out what does not fit beside a value.
func shortFrame(env *jobs.Envelope) *jobs.Envelope {
	short := *env
	short.Headers, short.Key = nil, env.Key[:min(len(env.Key), keptKey)]
	return &short
}

// sourceOf is where a job came from, nil if not from Kafka.
func sourceOf(job *jobs.Job) *jobs.Source {
	if job.Submitted {
		return nil
	}
	source := job.Source
	source.Timestamp = source.Timestamp.UTC()
	return &source
}

// original renders the message as it came: JSON as it is, other text as a
// string, bytes as base64.
func original(env *jobs.Envelope, how cutting) json.RawMessage {
	switch {
	case env.Oversize != nil:
		return describe(env.Oversize.Size, fmt.Sprintf("%x", env.Oversize.SHA256), env.Oversize.Prefix)
	case how >= cutMessage:
		return describe(int64(len(env.Value)), fmt.Sprintf("%x", sha256.Sum256(env.Value)), env.Value)
	case how == cutFile:
		if short := withoutFile(env.Value); short != nil {
			return short
		}
	}
	switch {
	case !utf8.Valid(env.Value):
		return mustJSON(map[string][]byte{"base64": env.Value})
	case json.Valid(env.Value):
		return env.Value
	}
	return mustJSON(string(env.Value))
}

// withoutFile describes values.file_content and keeps the rest; nil if there is
// none.
func withoutFile(value []byte) json.RawMessage {
	var message map[string]json.RawMessage
	var values map[string]json.RawMessage
	var content string
	if json.Unmarshal(value, &message) != nil || json.Unmarshal(message["values"], &values) != nil ||
		json.Unmarshal(values["file_content"], &content) != nil {
		return nil
	}
	values["file_content"] = describe(int64(len(content)), fmt.Sprintf("%x", sha256.Sum256([]byte(content))), []byte(content))
	message["values"] = mustJSON(values)
	return mustJSON(message)
}

// describe stands for bytes that are left out.
func describe(size int64, sum string, content []byte) json.RawMessage {
	begin := strings.ToValidUTF8(string(content[:min(len(content), shownBytes)]), "�")
	return mustJSON(map[string]any{"omitted": map[string]any{"size": size, "sha256": sum, "begin": begin}})
}

// mustJSON renders maps of strings and numbers, which always can be.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return b
}

// headers keeps the original's and adds ours (KIP-1191's names, text only).
func headers(job *jobs.Job, env *jobs.Envelope, f *jobs.Failure, group string) []kafka.Header {
	list := theirs(env)
	add := func(name, value string) {
		list = append(list, kafka.Header{Key: name, Value: []byte(value)})
	}
	if !job.Submitted {
		add(dlqPrefix+"topic", job.Source.Topic)
		add(dlqPrefix+"partition", strconv.Itoa(int(job.Source.Partition)))
		add(dlqPrefix+"offset", strconv.FormatInt(job.Source.Offset, 10))
	}
	add(dlqPrefix+"group", group)
	add(dlqPrefix+"delivery.count", strconv.Itoa(job.Attempts))
	add(dlqPrefix+"message", f.Message)
	add(ownPrefix+"job.id", job.ID)
	add(ownPrefix+"error.class", string(f.Class))
	add(ownPrefix+"error.code", string(f.Code))
	if f.HTTPStatus != 0 {
		add(ownPrefix+"http.status", strconv.Itoa(f.HTTPStatus))
	}
	return list
}

// theirs are the headers of the original but those with our names.
func theirs(env *jobs.Envelope) (list []kafka.Header) {
	for _, h := range env.Headers {
		if !isOurs(h.Name) {
			list = append(list, kafka.Header{Key: h.Name, Value: h.Value})
		}
	}
	return list
}

func isOurs(header string) bool {
	return strings.HasPrefix(header, dlqPrefix) || strings.HasPrefix(header, ownPrefix)
}
