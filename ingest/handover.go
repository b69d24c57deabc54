package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/semaphore"

	"dispatcher/internal/crashpoint"
	"dispatcher/jobs"
)

// Stream is JOBS.
type Stream interface {
	Append(ctx context.Context, p jobs.Partition, envs []jobs.Envelope, after uint64) ([]uint64, error)
	Last(ctx context.Context, p jobs.Partition) (seq uint64, e jobs.Envelope, ok bool, err error)
	Scan(ctx context.Context, from uint64, fn func(seq uint64, e jobs.Envelope) error) error
}

// Scheduler takes jobs in.
type Scheduler interface {
	Take(ctx context.Context, in jobs.Intake, envs []jobs.Envelope) error
	WaitRoom(ctx context.Context) error
	Room() int
}

// Bytes of fetched records that wait to be appended, and messages of them.
const (
	aheadBytes    = 32 << 20
	aheadMessages = 2 * jobs.MaxBatchMessages
)

// partitionReader hands the records of one partition over: Kafka → JOBS →
// ledger. Fetching, appending and taking go on at the same time, each in order.
type partitionReader struct {
	partition jobs.Partition
	replay    int
	cursor    int64
	skip      func(offset int64) bool
	source    *source
	stream    Stream
	scheduler Scheduler
	jobs      jobs.Reader
	storeFull func(err error) // says so; nil error: there is room again
	log       *slog.Logger
	trouble   *trouble

	fetched chan kafka.Message
	bytes   *semaphore.Weighted
	taken   chan appended
}

// appended is a batch that JOBS has, on its way into the ledger.
type appended struct {
	envs       []jobs.Envelope // none: only offsets that are no messages
	seqs       []uint64
	from, next int64
}

// run hands over until ctx ends, or until it cannot go on.
func (r *partitionReader) run(ctx context.Context) error {
	r.fetched = make(chan kafka.Message, aheadMessages)
	r.bytes = semaphore.NewWeighted(aheadBytes)
	r.taken = make(chan appended, 1)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{}, 3)
	start := func(f func(context.Context) error) {
		go func() {
			if err := f(ctx); err != nil {
				cancel(err)
			}
			done <- struct{}{}
		}()
	}
	start(r.fetch)
	start(r.take)
	start(r.trouble.watch)
	if err := r.append(ctx); err != nil {
		cancel(err)
	}
	<-done
	<-done
	<-done
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// fetch reads ahead, bounded by bytes.
func (r *partitionReader) fetch(ctx context.Context) error {
	for {
		m, err := r.source.fetch(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, io.EOF) {
				return errors.New("the reader was closed")
			}
			return fmt.Errorf("read %s: %w", r.partition, err)
		}
		if err := r.bytes.Acquire(ctx, weight(&m)); err != nil {
			return nil
		}
		select {
		case r.fetched <- m:
		case <-ctx.Done():
			return nil
		}
	}
}

func weight(m *kafka.Message) int64 { return min(int64(len(m.Value)+len(m.Key))+64, aheadBytes) }

// append puts batches into JOBS.
func (r *partitionReader) append(ctx context.Context) error {
	after, _, _, err := r.stream.Last(ctx, r.partition)
	if err != nil {
		return err
	}
	for {
		batch, next := r.batch(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := r.trouble.weigh(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		from := r.cursor
		r.cursor = next
		if after, err = r.store(ctx, batch, from, next, after); err != nil {
			return err
		}
	}
}

// batch waits for a record and takes with it all that is there.
func (r *partitionReader) batch(ctx context.Context) (envs []jobs.Envelope, next int64) {
	if err := r.scheduler.WaitRoom(ctx); err != nil {
		return nil, 0
	}
	room := max(1, min(r.scheduler.Room(), jobs.MaxBatchMessages))
	bytes := int64(0)
	add := func(m kafka.Message) {
		w := weight(&m)
		r.bytes.Release(w)
		bytes += w
		next = m.Offset + 1
		if m.Offset < r.cursor || isControl(&m) || r.skip(m.Offset) {
			return
		}
		envs = append(envs, r.envelope(&m))
	}
	select {
	case m := <-r.fetched:
		add(m)
	case <-ctx.Done():
		return nil, 0
	}
	for len(envs) < room && bytes < jobs.MaxBatchBytes {
		select {
		case m := <-r.fetched:
			add(m)
		default:
			return envs, next
		}
	}
	return envs, next
}

// isControl recognises transaction markers, which kafka-go passes on: key is
// version and type, two bytes each, value six bytes of zero.
func isControl(m *kafka.Message) bool {
	return len(m.Key) == 4 && len(m.Value) == 6 && m.Key[0] == 0 && m.Key[1] == 0 && m.Key[2] == 0 && m.Key[3] <= 1 &&
		string(m.Value) == "\x00\x00\x00\x00\x00\x00"
}

func (r *partitionReader) envelope(m *kafka.Message) jobs.Envelope {
	return envelopeOf(r.partition, r.replay, m)
}

func envelopeOf(p jobs.Partition, replay int, m *kafka.Message) jobs.Envelope {
	e := jobs.Envelope{
		Topic: p.Topic, Partition: p.ID, Offset: m.Offset, Replay: replay, Timestamp: m.Time.UTC(), Key: m.Key, Value: m.Value,
	}
	for _, h := range m.Headers {
		e.Headers = append(e.Headers, jobs.Header{Name: h.Key, Value: h.Value})
	}
	e.Bound()
	return e
}

// store appends a batch, however long the store is full, and passes it on.
func (r *partitionReader) store(ctx context.Context, envs []jobs.Envelope, from, next int64, after uint64) (uint64, error) {
	for {
		crashpoint.Here("fetched")
		seqs, err := r.stream.Append(ctx, r.partition, envs, after)
		crashpoint.Here("appended")
		if len(seqs) > 0 {
			part := envs[:len(seqs)]
			end := part[len(part)-1].Offset + 1
			if len(seqs) == len(envs) {
				end = next
			}
			r.pass(ctx, appended{part, seqs, from, end})
			envs, from, after = envs[len(seqs):], end, seqs[len(seqs)-1]
		}
		switch {
		case err == nil && len(seqs) == 0: // only markers and what others did
			r.pass(ctx, appended{from: from, next: next})
			return after, nil
		case err == nil:
			r.storeFull(nil) // also when a former session said that it is full
			return after, nil
		case ctx.Err() != nil:
			return after, nil
		case !errors.Is(err, jobs.ErrStoreFull):
			return after, err
		}
		r.storeFull(err)
		if !pause(ctx, time.Second) {
			return after, nil
		}
	}
}

func (r *partitionReader) pass(ctx context.Context, a appended) {
	select {
	case r.taken <- a:
	case <-ctx.Done(): // it is in JOBS: the next start takes it
	}
}

// intake makes the jobs of appended records, while the next are being appended.
func (r *partitionReader) intake(a appended) jobs.Intake {
	if len(a.envs) == 0 {
		return jobs.Intake{Partition: r.partition, From: a.from, Next: a.next}
	}
	return makeIntake(r.jobs, r.partition, a.envs, a.seqs, a.from, a.next)
}

func makeIntake(reader jobs.Reader, p jobs.Partition, envs []jobs.Envelope, seqs []uint64, from, next int64) jobs.Intake {
	in := jobs.Intake{Partition: p, From: from, Next: next, Jobs: make([]*jobs.Job, len(envs)), Payloads: make([][]byte, len(envs))}
	for i := range envs {
		job := reader.Job(&envs[i])
		job.StreamSeq = seqs[i]
		if job.State == jobs.Failed {
			in.Payloads[i] = envs[i].Encode(nil)
		}
		in.Jobs[i] = job
		if by := envs[i].Asked(job.ReceivedAt); by != nil {
			in.Audits = append(in.Audits, *by)
		}
	}
	last := &envs[len(envs)-1]
	in.Mark = &jobs.Mark{Offset: last.Offset, Timestamp: last.Timestamp, Hash: last.Hash()}
	in.StreamSeq = seqs[len(seqs)-1]
	return in
}

// take brings appended batches into the ledger, however long that is full.
func (r *partitionReader) take(ctx context.Context) error {
	for {
		var a appended
		select {
		case a = <-r.taken:
		case <-ctx.Done():
			return nil
		}
		in := r.intake(a)
		for full := false; ; full = true {
			err := r.scheduler.Take(ctx, in, a.envs)
			if err == nil {
				if full { // nothing more may come that would say so
					r.storeFull(nil)
				}
				break
			}
			if ctx.Err() != nil {
				return nil
			}
			r.storeFull(err)
			if !pause(ctx, time.Second) {
				return nil
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
