package ingest

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/safeguard"
	"dispatcher/jobs"
)

// session is one generation of the group.
type session struct {
	*Group
	generation *kafka.Generation
	partitions []int32 // of the topic, when we joined
	finished   chan error

	mu      sync.Mutex
	stopped bool
	cancel  context.CancelFunc
}

// stop ends the session before its generation does, also one that has yet to begin.
func (s *session) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.cancel != nil {
		s.cancel()
	}
}

func (s *session) begin(ctx context.Context) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, s.cancel = context.WithCancel(ctx)
	if s.stopped {
		s.cancel()
	}
	return ctx
}

// standBy waits for the generation to end, and watches the topic. What its own
// ledger has read says nothing: that is behind, and each time it joined again it
// would interrupt the active process.
func (s *session) standBy(ctx context.Context) {
	ctx = s.begin(ctx)
	err := s.watch(ctx, func(context.Context, []int32) error { return nil })
	if ended(err) {
		err = nil
	}
	s.finished <- err
}

// work is the active process's part. It returns when nothing runs any more and
// the last state is committed: kafka-go joins again only then, so that nobody
// else is active before.
func (s *session) work(ctx context.Context) {
	ctx = s.begin(ctx)
	err := s.active(ctx)
	if ended(err) {
		err = nil
	}
	s.finished <- err
}

// ended reports whether err only says that the generation, or the process, is
// over: then the group is joined again.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, kafka.ErrGenerationEnded)
}

func (s *session) active(ctx context.Context) error {
	readers, commits, err := s.takeOver(ctx)
	if err != nil {
		return err
	}
	if s.balancer.since.Load() == 0 {
		s.balancer.since.Store(time.Now().UnixNano())
	}
	s.cfg.Scheduler.Activate()
	s.status.setRole("active")
	s.cfg.Log.Info("active: working on the topic", "topic", s.cfg.Topic, "group", s.cfg.GroupID, "partitions", len(readers))

	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	for _, r := range readers {
		group.Go(func() {
			if err := r.run(running); err != nil {
				cancel(err)
			}
		})
	}
	group.Go(func() { s.pulse(running) })
	group.Go(func() {
		commits.run(running, s.notCommitted)
	})
	group.Go(func() {
		if err := s.watch(running, s.sameLogs); err != nil {
			cancel(err)
		}
	})
	<-running.Done()
	cause := context.Cause(running)
	s.cfg.Scheduler.Deactivate()
	cancel(nil)
	group.Wait()
	for _, r := range readers {
		r.source.close()
	}
	s.drain()
	s.commitLast(commits)
	return cause
}

// notCommitted says that commits fail: one or two do while the group rebalances,
// many mean that a lost host's work would be repeated.
func (s *session) notCommitted(row int, err error) {
	level := slog.LevelDebug
	if row%60 == 10 { // one a second
		level = slog.LevelWarn
	}
	s.cfg.Log.Log(context.Background(), level, "offsets are not committed, it is tried again", "error", s.cfg.Connection.explain(err))
}

// drain lets running requests end within the session: after it another process
// may be active.
func (s *session) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.SessionTimeout*8/10)
	defer cancel()
	if s.cfg.Scheduler.Drained(ctx) == nil {
		return
	}
	s.cfg.Scheduler.Revoke()
	ctx, cancel = context.WithTimeout(context.Background(), s.cfg.SessionTimeout/10)
	defer cancel()
	_ = s.cfg.Scheduler.Drained(ctx) // their requests are cancelled; no more can be done
}

// commitLast commits once more: a broker takes it while the group rebalances.
func (s *session) commitLast(c *committer) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if err := c.commit(ctx); err != nil {
		s.cfg.Log.Debug("last state is not committed", "error", err)
	}
}

// takeOver weighs the evidence of every partition and prepares to read.
func (s *session) takeOver(ctx context.Context) ([]*partitionReader, *committer, error) {
	if n, err := s.catchUp(ctx); err != nil {
		return nil, nil, err
	} else if n > 0 {
		s.cfg.Log.Info("caught up from JOBS", "jobs", n)
	}
	bounds, err := s.log.bounds(ctx, s.cfg.Topic, s.partitions)
	if err != nil {
		return nil, nil, err
	}
	s.status.setEnds(s.cfg.Topic, bounds)
	commits, err := s.log.commits(ctx, s.cfg.GroupID, s.cfg.Topic, s.partitions)
	if err != nil {
		return nil, nil, err
	}
	c := &committer{
		group: s.cfg.GroupID, topic: s.cfg.Topic, generation: s.generation, client: s.links.client, ledger: s.cfg.Ledger,
		last: make(map[jobs.Partition]committed),
	}
	var readers []*partitionReader
	for _, id := range s.partitions {
		p := jobs.Partition{Topic: s.cfg.Topic, ID: id}
		d, err := s.assign(ctx, p, bounds[id], commits[id])
		if err != nil {
			return nil, nil, err
		}
		c.partitions = append(c.partitions, p)
		readers = append(readers, s.reader(p, d))
	}
	return readers, c, nil
}

// assign decides about one partition and does what was decided.
func (s *session) assign(ctx context.Context, p jobs.Partition, bounds [2]int64, commit kafka.OffsetFetchPartition) (decision, error) {
	e := evidence{
		identity: s.cfg.Ledger.Identity(), counter: s.cfg.Ledger.CommitCounter(), commit: commit.CommittedOffset,
		metadata: commit.Metadata, first: bounds[0], end: bounds[1], resetCursor: s.cfg.ResetCursor,
	}
	e.state, e.known = s.cfg.Ledger.Partition(p)
	e.low, _ = s.cfg.Ledger.Watermark(p)
	var err error
	if e.mark, err = s.log.mark(ctx, p, e.state.Last, e.first, e.end); err != nil {
		return decision{}, err
	}
	if e.end > e.first {
		first, ok, err := s.log.record(ctx, p, e.first)
		if err != nil {
			return decision{}, err
		}
		if ok {
			e.firstAt = first.Timestamp
		}
	}
	d := decide(e)
	if d.hold != nil {
		return d, d.hold
	}
	if d.say != "" {
		s.cfg.Log.Info(d.say, "partition", p.String())
	}
	return d, s.carryOut(ctx, p, d, e.state.Cursor)
}

func (s *session) carryOut(ctx context.Context, p jobs.Partition, d decision, cursor int64) error {
	if d.isCopy {
		s.cfg.Log.Warn("this data directory is a copy or an old backup: it works on under a new identity")
		if err := s.cfg.Ledger.SetIdentity(ctx, rand.Text()); err != nil {
			return err
		}
	}
	if d.begin {
		if err := s.cfg.Ledger.Begin(ctx, p, d.from, d.replay, d.finished); err != nil || d.expired == 0 {
			return err
		}
		return s.cfg.Ledger.Skip(ctx, p, d.from, d.expired) // only counts them
	}
	if (d.below > 0 || len(d.finished) > 0) && !safeguard.Off("released") {
		n, err := s.cfg.Scheduler.Release(ctx, p, d.done)
		if err != nil {
			return err
		}
		if n > 0 {
			s.cfg.Log.Info("jobs released: another process has carried them out", "partition", p.String(), "jobs", n)
		}
		finished := slices.Clone(d.finished)
		if d.below > 0 {
			finished = append(finished, jobs.Interval{From: 0, To: min(d.below, cursor) - 1})
		}
		if err := s.cfg.Ledger.Finish(ctx, p, finished); err != nil {
			return err
		}
	}
	if d.from > cursor || d.expired > 0 {
		return s.cfg.Ledger.Skip(ctx, p, d.from, d.expired)
	}
	return nil
}

// queued is how many records wait in kafka-go, of whatever size: what is fetched
// ahead is bounded by bytes behind it.
const queued = 16

func (s *session) reader(p jobs.Partition, d decision) *partitionReader {
	t := &trouble{look: func(ctx context.Context) error { return s.provenSame(ctx, p) }, log: s.cfg.Log}
	open := func(a asking, troubled kafka.LoggerFunc) *kafka.Reader {
		return kafka.NewReader(kafka.ReaderConfig{
			Brokers: s.cfg.Connection.Servers, Topic: p.Topic, Partition: int(p.ID), Dialer: s.links.dialer,
			MinBytes: 1, MaxBytes: a.bytes, MaxWait: a.patience, QueueCapacity: queued,
			ReadBackoffMin: 100 * time.Millisecond, ReadBackoffMax: time.Second, MaxAttempts: 1 << 30,
			ErrorLogger: kafka.LoggerFunc(func(format string, args ...any) {
				t.note(format, args...)
				troubled(format, args...)
			}),
		})
	}
	// Closing waits for the broker, and must end within the session.
	source := newSource(d.from, min(mostPatience, s.cfg.SessionTimeout/4), open, func(a asking) {
		s.cfg.Log.Info("the broker answers slowly: it is waited for longer, or asked for less", "partition", p.String(), "patience", a.patience, "bytes", a.bytes)
	})
	return &partitionReader{
		partition: p, replay: d.replay, cursor: d.from, skip: d.done, source: source, stream: s.cfg.Stream,
		scheduler: s.cfg.Scheduler, jobs: s.cfg.Jobs, storeFull: s.storeFull, log: s.cfg.Log, trouble: t,
	}
}
