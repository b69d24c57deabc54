package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/jobs"
)

// ResultRecord is the value of a record on the results topic.
type ResultRecord struct {
	Message    json.RawMessage `json:"message"`
	JobID      string          `json:"job_id"`
	Attempts   int             `json:"attempts"`
	FinishedAt time.Time       `json:"finished_at"`
	Objects    []string        `json:"objects"`
	Source     *jobs.Source    `json:"source,omitempty"`
}

// Succeeded is where succeeded jobs wait to be reported.
type Succeeded interface {
	Results(after jobs.Report, limit int) ([]jobs.Report, error)
	Ended(r jobs.Report) (jobs.Job, error)
	Payload(seq uint64) ([]byte, error)
	ResultsDelivered(ctx context.Context, list []jobs.Report) error
}

// results is the outbox of what succeeded.
type results struct{ Succeeded }

func (r results) Outbox(after jobs.Report, limit int) ([]jobs.Report, error) {
	return r.Results(after, limit)
}

func (r results) Delivered(ctx context.Context, list []jobs.Report) error {
	return r.ResultsDelivered(ctx, list)
}

// NewResults returns an outbox of successes that does not send yet.
func NewResults(cfg OutboxConfig, from Succeeded) (*Outbox, error) {
	cfg.Jobs = results{from}
	o, err := newOutbox(cfg)
	if err == nil {
		o.what, o.record = "results", resultMessage
	}
	return o, err
}

// resultMessage makes the record of a succeeded job.
func resultMessage(job *jobs.Job, env *jobs.Envelope, _ string, how cutting) (kafka.Message, error) {
	if how == cutFrame {
		env = shortFrame(env)
	}
	objects := job.Objects
	if objects == nil {
		objects = []string{}
	}
	value, err := json.Marshal(ResultRecord{
		Message: original(env, how), JobID: job.ID, Attempts: job.Attempts, FinishedAt: job.FinishedAt.UTC(), Objects: objects, Source: sourceOf(job),
	})
	if err != nil {
		return kafka.Message{}, fmt.Errorf("write result of %s: %w", job.ID, err)
	}
	headers := append(theirs(env), kafka.Header{Key: ownPrefix + "job.id", Value: []byte(job.ID)})
	return kafka.Message{Key: env.Key, Value: value, Headers: headers}, nil
}
