package cli

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"dispatcher/config"
	"dispatcher/ingest"
	"dispatcher/jobs"
	"dispatcher/jobs/control"
	"dispatcher/jobs/embed"
	"dispatcher/jobs/schedule"
	"dispatcher/store"
)

// stopped is the store of a data directory on which no dispatcher runs. JOBS is
// opened when it is needed: most commands only want the ledger.
type stopped struct {
	cfg    *config.Config
	ledger *store.Ledger

	mu     sync.Mutex
	nats   *embed.Server
	opened *jobs.Stream
}

// offline answers from the store of a process that does not run.
func offline(ctx context.Context, ledger *store.Ledger, cfg *config.Config, do func(context.Context, control.Backend) error) error {
	s := &stopped{cfg: cfg, ledger: ledger}
	defer s.close()
	idle, err := schedule.New(schedule.Config{Ledger: ledger, Payloads: s, MaxUnfinished: cfg.MaxUnfinished, Lease: -1})
	if err != nil {
		return err
	}
	if err := idle.Load(ctx); err != nil {
		return fmt.Errorf("read store in %s: %w", cfg.DataDir, err)
	}
	defer idle.Close()
	submitter := newSubmitter(cfg, s, idle, ledger)
	return do(ctx, &control.Desk{Ledger: ledger, Scheduler: idle, Stream: s.Get, Submitter: submitter, Failures: errorLog(cfg), KeepReplays: cfg.Retention.Failed})
}

// stream opens JOBS.
func (s *stopped) stream(ctx context.Context) (_ *jobs.Stream, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened != nil {
		return s.opened, nil
	}
	dir := s.cfg.DataDir
	if s.nats == nil {
		if s.nats, err = embed.Start(embed.Config{StoreDir: filepath.Join(dir, streamDir), Log: slog.New(slog.DiscardHandler)}); err != nil {
			return nil, err
		}
	}
	stream, err := openJOBS(ctx, s.nats, s.ledger, storeLimit(dir, s.cfg.MaxStoreBytes))
	if err == nil {
		s.opened = stream
	}
	return stream, err
}

// openJOBS opens the stream that belongs to a ledger.
func openJOBS(ctx context.Context, nats *embed.Server, ledger *store.Ledger, limit int64) (*jobs.Stream, error) {
	stream, err := jobs.OpenStream(ctx, nats.Conn, max(limit-ledger.Used(), limit/2))
	if err != nil {
		return nil, err
	}
	return stream, ingest.CheckStores(ctx, ledger, stream)
}

func (s *stopped) close() {
	if s.nats != nil {
		s.nats.Stop()
	}
}

// newSubmitter makes jobs of messages that operators submit.
func newSubmitter(cfg *config.Config, stream ingest.Stream, scheduler *schedule.Scheduler, ledger *store.Ledger) *ingest.Submitter {
	return ingest.NewSubmitter(ingest.SubmitterConfig{Stream: stream, Scheduler: scheduler, Ledger: ledger, Jobs: reader(cfg)})
}

func errorLog(cfg *config.Config) ingest.ErrorLog {
	return ingest.ErrorLog{Connection: kafkaConnection(cfg), Topic: cfg.Kafka.ErrorsTopic}
}

// reader makes jobs of messages, wherever they come from.
func reader(cfg *config.Config) jobs.Reader {
	return jobs.Reader{Ordering: cfg.Ordering, Policy: policyOf(cfg), Clock: time.Now}
}

// Append and Last, with Scan, implement [ingest.Stream].
func (s *stopped) Append(ctx context.Context, p jobs.Partition, envs []jobs.Envelope, after uint64) ([]uint64, error) {
	stream, err := s.stream(ctx)
	if err != nil {
		return nil, err
	}
	return stream.Append(ctx, p, envs, after)
}

func (s *stopped) Last(ctx context.Context, p jobs.Partition) (seq uint64, e jobs.Envelope, ok bool, err error) {
	stream, err := s.stream(ctx)
	if err != nil {
		return 0, e, false, err
	}
	return stream.Last(ctx, p)
}

// Get, Scan and Purge implement [schedule.Payloads].
func (s *stopped) Get(ctx context.Context, seq uint64) (jobs.Envelope, error) {
	stream, err := s.stream(ctx)
	if err != nil {
		return jobs.Envelope{}, err
	}
	return stream.Get(ctx, seq)
}

func (s *stopped) Scan(ctx context.Context, from uint64, fn func(uint64, jobs.Envelope) error) error {
	stream, err := s.stream(ctx)
	if err != nil {
		return err
	}
	return stream.Scan(ctx, from, fn)
}

// Purge leaves everything: a running process does that.
func (s *stopped) Purge(context.Context, jobs.Partition, uint64) error { return nil }
