package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/jobs"
)

// ErrorLog is the errors topic, to be read.
type ErrorLog struct {
	Connection Connection
	Topic      string
}

// nextTimeout is how long the next record of a topic is waited for that has one.
const nextTimeout = 30 * time.Second

// Each calls fn with every failure that is on the topic now, in the order of
// each partition. told hears how many records have been read.
func (l ErrorLog) Each(ctx context.Context, told func(done, of int), fn func(jobs.Reported) error) error {
	links, err := l.Connection.links()
	if err != nil {
		return fmt.Errorf("kafka settings: %w", err)
	}
	log := topicLog{links.client}
	ids, err := log.partitions(ctx, l.Topic)
	if errors.Is(err, errMissing) {
		return fmt.Errorf("topic %s does not exist; create it, or check ERRORS_TOPIC", l.Topic)
	}
	if err != nil {
		return l.Connection.explain(err)
	}
	bounds, err := log.bounds(ctx, l.Topic, ids)
	if err != nil {
		return l.Connection.explain(err)
	}
	r := errorReader{topicLog: log, links: links, log: l, fn: fn, told: told}
	for _, id := range ids {
		r.of += int(bounds[id][1] - bounds[id][0])
	}
	for _, id := range ids {
		if err := r.partition(ctx, id, bounds[id][0], bounds[id][1]); err != nil {
			return err
		}
	}
	return nil
}

// errorReader reads the partitions of an errors topic one after the other.
type errorReader struct {
	topicLog
	links    *links
	log      ErrorLog
	fn       func(jobs.Reported) error
	told     func(done, of int)
	done, of int
}

// partition reads one partition from its first offset to where it ended.
func (r *errorReader) partition(ctx context.Context, id int32, first, end int64) error {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: r.log.Connection.Servers, Topic: r.log.Topic, Partition: int(id), Dialer: r.links.dialer,
		MinBytes: 1, MaxBytes: 32 << 20, MaxWait: time.Second, QueueCapacity: queued,
	})
	defer reader.Close()
	_ = reader.SetOffset(first) // fails only for a reader in a group
	for next := first; next < end; {
		m, err := r.next(ctx, reader)
		if err != nil {
			return fmt.Errorf("read %s-%d at %d: %w", r.log.Topic, id, next, r.log.Connection.explain(err))
		}
		r.done += int(m.Offset + 1 - next)
		next = m.Offset + 1
		if reported, ok := r.read(ctx, &m); ok && m.Offset < end {
			if err := r.fn(reported); err != nil {
				return err
			}
		}
		if r.told != nil {
			r.told(r.done, r.of)
		}
	}
	return nil
}

func (r *errorReader) next(ctx context.Context, reader *kafka.Reader) (kafka.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, nextTimeout)
	defer cancel()
	return reader.FetchMessage(ctx)
}

// read makes a failure of a record; ok is false if it is none.
func (r *errorReader) read(ctx context.Context, m *kafka.Message) (f jobs.Reported, ok bool) {
	var record ErrorRecord
	if isControl(m) || json.Unmarshal(m.Value, &record) != nil || record.Message == nil {
		return f, false
	}
	f = jobs.Reported{
		JobID: record.JobID, At: record.FailedAt, Record: fmt.Sprintf("%s-%d-%d %d", m.Topic, m.Partition, m.Offset, m.Time.UnixMilli()),
		Failure: jobs.Failure{Class: record.Class, Code: record.Code, Message: record.Error, HTTPStatus: record.HTTPStatus},
		Message: jobs.Envelope{Key: m.Key, Timestamp: m.Time.UTC()},
	}
	if f.At.IsZero() {
		f.At = m.Time.UTC()
	}
	for _, h := range m.Headers {
		if !isOurs(h.Key) {
			f.Message.Headers = append(f.Message.Headers, jobs.Header{Name: h.Key, Value: h.Value})
		}
	}
	if value, whole := restore(record.Message); whole {
		f.Message.Value = value
	} else {
		r.fetch(ctx, &f, record.Source)
	}
	var head struct {
		Type string `json:"message_type"`
	}
	_ = json.Unmarshal(f.Message.Value, &head) // whatever it is, it is carried out as it is
	f.Type = head.Type
	return f, true
}

// fetch reads a message from where it came from, because its record does not
// have all of it.
func (r *errorReader) fetch(ctx context.Context, f *jobs.Reported, source *jobs.Source) {
	f.Lost = "its record does not have the whole message, and Kafka does not hold it any more"
	if source == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	env, ok, err := r.again(ctx, *source)
	switch {
	case err != nil:
		f.Lost = "its record does not have the whole message, and it cannot be read from Kafka: " + err.Error()
	case ok:
		f.Lost = ""
		f.Message.Key, f.Message.Headers, f.Message.Value, f.Message.Oversize = env.Key, env.Headers, env.Value, env.Oversize
	}
}

// restore is the inverse of [original]; whole is false if parts were left out.
func restore(message json.RawMessage) (value []byte, whole bool) {
	var text string
	if json.Unmarshal(message, &text) == nil {
		return []byte(text), true
	}
	var parts struct {
		Base64  []byte          `json:"base64"`
		Omitted json.RawMessage `json:"omitted"`
		Type    json.RawMessage `json:"message_type"`
		Values  struct {
			File struct {
				Omitted json.RawMessage `json:"omitted"`
			} `json:"file_content"`
		} `json:"values"`
	}
	_ = json.Unmarshal(message, &parts) // of another shape: then it is the message
	switch {
	case parts.Type == nil && parts.Base64 != nil:
		return parts.Base64, true
	case parts.Type == nil && parts.Omitted != nil, parts.Values.File.Omitted != nil:
		return message, false
	}
	return message, true
}
