package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/crashpoint"
	"dispatcher/jobs"
)

// Unreported is where ended jobs wait to be reported.
type Unreported interface {
	Outbox(after jobs.Report, limit int) ([]jobs.Report, error)
	Ended(r jobs.Report) (jobs.Job, error)
	Payload(seq uint64) ([]byte, error)
	Delivered(ctx context.Context, list []jobs.Report) error
}

// OutboxConfig is what an outbox needs.
type OutboxConfig struct {
	Connection Connection
	Topic      string // of the errors
	GroupID    string
	Jobs       Unreported
	Log        *slog.Logger
}

// Outbox sends the records of ended jobs until Kafka has acknowledged them:
// error records, or results.
type Outbox struct {
	cfg    OutboxConfig
	what   string // "error records"
	record func(job *jobs.Job, env *jobs.Envelope, group string, how cutting) (kafka.Message, error)
	log    topicLog
	writer *kafka.Writer
	wake   chan struct{}
	said   map[uint64]time.Time // when a record that cannot be sent was said last
}

// Bounds of the outbox.
const (
	outboxBatch = 100
	outboxRetry = 2 * time.Second
	sendTimeout = 20 * time.Second
)

// NewOutbox returns an outbox of failures that does not send yet.
func NewOutbox(cfg OutboxConfig) (*Outbox, error) {
	o, err := newOutbox(cfg)
	if err == nil {
		o.what, o.record = "error records", errorMessage
	}
	return o, err
}

func newOutbox(cfg OutboxConfig) (*Outbox, error) {
	l, err := cfg.Connection.links()
	if err != nil {
		return nil, err
	}
	return &Outbox{cfg: cfg, log: topicLog{l.client}, wake: make(chan struct{}, 1), said: make(map[uint64]time.Time), writer: &kafka.Writer{
		Addr: kafka.TCP(cfg.Connection.Servers...), Topic: cfg.Topic, Balancer: &kafka.Murmur2Balancer{}, Transport: l.transport,
		RequiredAcks: kafka.RequireAll, BatchTimeout: 5 * time.Millisecond, BatchSize: outboxBatch, BatchBytes: 64 << 20,
		MaxAttempts: 3, WriteTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second,
	}}, nil
}

// Wake says that a job waits to be reported.
func (o *Outbox) Wake() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends. Kafka that is away, or a missing topic, only makes
// the records wait: they are in the ledger.
func (o *Outbox) Run(ctx context.Context) {
	var said time.Time
	for {
		sent, err := o.sendAll(ctx)
		if ctx.Err() != nil {
			_ = o.writer.Close() // nothing is in flight
			return
		}
		if err != nil && time.Since(said) > remindEvery {
			said = time.Now()
			o.cfg.Log.Warn(o.what+" wait", "topic", o.cfg.Topic, "error", o.cfg.Connection.explain(err))
		}
		if err == nil && sent > 0 {
			said = time.Time{}
		}
		select {
		case <-ctx.Done():
		case <-o.wake:
		case <-time.After(outboxRetry):
		}
	}
}

// sendAll sends all that waits.
func (o *Outbox) sendAll(ctx context.Context) (sent int, err error) {
	for after := (jobs.Report{}); ; {
		waiting, err := o.cfg.Jobs.Outbox(after, outboxBatch)
		if err != nil || len(waiting) == 0 {
			return sent, err
		}
		if _, err := o.log.partitions(ctx, o.cfg.Topic); err != nil {
			if errors.Is(err, errMissing) {
				return sent, fmt.Errorf("topic %s does not exist; create it (the dispatcher never does)", o.cfg.Topic)
			}
			return sent, err
		}
		n, err := o.send(ctx, waiting, cutNothing)
		sent += n
		if err != nil {
			return sent, err
		}
		after = waiting[len(waiting)-1]
	}
}

// send sends the records of jobs and notes those that Kafka has. What is too
// large is cut and sent once more; neither that nor what cannot be read stands
// before others.
func (o *Outbox) send(ctx context.Context, waiting []jobs.Report, how cutting) (sent int, err error) {
	var messages []kafka.Message
	var list []jobs.Report
	for _, r := range waiting {
		m, err := o.message(r, how)
		if err != nil {
			o.complain(r.Seq, "one of the "+o.what+" cannot be made, it waits", err)
			continue
		}
		messages, list = append(messages, m), append(list, r)
	}
	if len(list) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	crashpoint.Here("reporting")
	err = o.writer.WriteMessages(ctx, messages...)
	crashpoint.Here("reported")
	delivered, large, err := o.sort(list, err)
	if len(delivered) > 0 {
		if err := o.cfg.Jobs.Delivered(ctx, delivered); err != nil {
			return 0, err
		}
	}
	sent = len(delivered)
	next := how
	if len(list) == 1 { // a batch is refused as a whole: only a lone record is itself too large
		next++
	}
	for _, r := range large {
		if next > cutFrame {
			o.complain(r.Seq, "one of the "+o.what+" is too large for its topic even without the message; raise max.message.bytes", kafka.MessageSizeTooLarge)
			continue
		}
		n, sendErr := o.send(ctx, []jobs.Report{r}, next)
		sent += n
		err = errors.Join(err, sendErr)
	}
	return sent, err
}

// complain says each minute what is wrong with one record.
func (o *Outbox) complain(seq uint64, what string, err error) {
	if time.Since(o.said[seq]) > remindEvery {
		o.said[seq] = time.Now()
		o.cfg.Log.Error(what, "seq", seq, "error", err)
	}
}

// sort tells what became of each record. A batch that is refused as too large
// is sent one by one.
func (o *Outbox) sort(list []jobs.Report, err error) (delivered, large []jobs.Report, rest error) {
	var each kafka.WriteErrors
	var tooLarge kafka.MessageTooLargeError
	switch {
	case err == nil:
		return list, nil, nil
	case errors.As(err, &tooLarge) || errors.Is(err, kafka.MessageSizeTooLarge) && !errors.As(err, &each):
		return nil, list, nil
	case !errors.As(err, &each):
		return nil, nil, err
	}
	for i, err := range each {
		switch {
		case err == nil:
			delivered = append(delivered, list[i])
		case errors.Is(err, kafka.MessageSizeTooLarge), errors.As(err, &tooLarge):
			large = append(large, list[i])
		default:
			rest = err
		}
	}
	return delivered, large, rest
}

// message makes the record of one end of a job.
func (o *Outbox) message(r jobs.Report, how cutting) (kafka.Message, error) {
	job, err := o.cfg.Jobs.Ended(r)
	if err != nil {
		return kafka.Message{}, fmt.Errorf("read ended job %d: %w", r.Seq, err)
	}
	env := o.envelope(&job)
	return o.record(&job, &env, o.cfg.GroupID, how)
}

// envelope reads the message of an ended job: from the ledger, else from Kafka.
// If both have lost it, its end is reported without it.
func (o *Outbox) envelope(job *jobs.Job) jobs.Envelope {
	encoded, err := o.cfg.Jobs.Payload(job.Seq)
	if err == nil {
		var env jobs.Envelope
		if env, err = jobs.DecodeEnvelope(encoded); err == nil {
			return env
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
	defer cancel()
	if env, ok, _ := o.log.again(ctx, job.Source); ok {
		return env
	}
	o.complain(job.Seq, "a job is reported without its message", err)
	return job.Shell()
}
