package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"dispatcher/config"
	"dispatcher/ingest"
	"dispatcher/internal/check"
	"dispatcher/internal/metrics"
	"dispatcher/internal/tracing"
	"dispatcher/internal/uptime"
	"dispatcher/internal/web"
	"dispatcher/jobs"
	"dispatcher/jobs/control"
	"dispatcher/jobs/embed"
	"dispatcher/jobs/schedule"
	"dispatcher/store"
	"dispatcher/workers"
	"dispatcher/workers/attachment"
)

// options are what `run` is told beside the settings.
type options struct {
	resetCursor bool
	getenv      func(string) string
}

// process is everything of `run`, wired together.
type process struct {
	cfg     *config.Config
	log     *slog.Logger
	options options

	ledger     *store.Ledger
	limit      int64 // bytes of ledger and JOBS
	nats       *embed.Server
	restarting sync.Mutex
	stream     *jobs.Stream
	scheduler  *schedule.Scheduler
	submitter  *ingest.Submitter
	feed       *control.Feed
	group      *ingest.Group
	outbox     *ingest.Outbox
	results    *ingest.Outbox // nil: none are sent
	pool       *workers.Pool
	gate       *workers.Gate
	account    *account // nil: all work is done on other hosts
	metrics    *metrics.Metrics
	page       *web.Server      // nil: http_listen is off
	tracing    *tracing.Tracing // nil: off
	outside    *outside
}

// newProcess opens the stores and wires the rooms. Nothing outside is asked.
func newProcess(ctx context.Context, cfg *config.Config, o options, log *slog.Logger) (*process, error) {
	p := &process{cfg: cfg, log: log, options: o, metrics: metrics.New(version())}
	var err error
	if p.tracing, err = startTracing(ctx, cfg, o.getenv, log); err != nil {
		return nil, err
	}
	for _, open := range []func(context.Context) error{p.openStores, p.openScheduler, p.openOutside, p.openWorkers, p.openKafka} {
		if err := open(ctx); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

// openStores opens the ledger first: its lock is that of the data directory.
func (p *process) openStores(ctx context.Context) (err error) {
	dir := p.cfg.DataDir
	_, missing := os.Stat(filepath.Join(dir, ledgerFile))
	if p.ledger, err = store.Open(store.Options{Path: filepath.Join(dir, ledgerFile), Patience: patience}); err != nil {
		return err
	}
	p.limit = storeLimit(dir, p.cfg.MaxStoreBytes)
	p.nats, err = embed.Start(embed.Config{
		StoreDir: filepath.Join(dir, streamDir), AccessFile: filepath.Join(dir, accessFile), Log: p.log,
	})
	if err != nil {
		return err
	}
	if p.stream, err = openJOBS(ctx, p.nats, p.ledger, p.limit); err != nil {
		return err
	}
	place, err := placeOf(dir)
	if err != nil {
		return err
	}
	if err := ingest.CheckPlace(ctx, p.ledger, place, p.log); err != nil {
		return err
	}
	p.sayWhere(dir, errors.Is(missing, fs.ErrNotExist))
	return nil
}

// sayWhere says what is not kept: by a place that does not last, and by one in
// which nothing was before.
func (p *process) sayWhere(dir string, fresh bool) {
	if row := check.Filesystem(dir); row.Remedy != "" {
		p.log.Warn("data directory: "+row.Value, "dir", dir, "remedy", row.Remedy)
	}
	if fresh {
		p.log.Info("a new data directory: messages come from Kafka, nothing of them is lost; the history of an earlier directory, and jobs that operators submitted or retried there, are not here", "dir", dir)
	}
}

func (p *process) openScheduler(ctx context.Context) (err error) {
	quarantine := p.cfg.API.WriteQuarantine
	if quarantine == 0 {
		quarantine = -1
	}
	p.scheduler, err = schedule.New(schedule.Config{
		Ledger: p.ledger, Payloads: p.stream, Origin: p, MaxUnfinished: p.cfg.MaxUnfinished, Results: p.cfg.Kafka.ResultsTopic != "",
		MaxAttempts: p.cfg.Retry.MaxAttempts, MaxAge: p.cfg.Retry.MaxAge, BackoffBase: p.cfg.Retry.Base, BackoffCap: p.cfg.Retry.Cap,
		Quarantine: quarantine, Lease: p.cfg.Lease, SlotFile: filepath.Join(p.cfg.DataDir, slotsFile), Uptime: uptime.Now, Log: p.log,
	})
	if err != nil {
		return err
	}
	p.scheduler.OnEnded(p.logEnded)
	p.feed = control.NewFeed()
	p.scheduler.OnChanged(p.feed.Changed)
	p.submitter = newSubmitter(p.cfg, p.stream, p.scheduler, p.ledger)
	if err := p.scheduler.Load(ctx); err != nil {
		return err
	}
	if err := p.submitter.CatchUp(ctx); !errors.Is(err, jobs.ErrDamaged) {
		return err
	}
	p.log.Error("JOBS is damaged: messages that were submitted just before the last process ended cannot be read; submit them again, after run --rebuild")
	return nil
}

// Again reads a message from Kafka once more; see [schedule.Origin].
func (p *process) Again(ctx context.Context, source jobs.Source) (jobs.Envelope, bool, error) {
	if p.group == nil {
		return jobs.Envelope{}, false, errors.New("kafka is not connected yet")
	}
	return p.group.Again(ctx, source)
}

// logEnded writes the one line of a finished job, and counts it.
func (p *process) logEnded(job *jobs.Job) {
	p.metrics.Ended(job)
	if p.page != nil {
		p.page.Ended(job)
	}
	if p.tracing != nil {
		p.tracing.Ended(job)
	}
	attrs := make([]slog.Attr, 0, 7)
	attrs = append(attrs, slog.String("job", job.ID), slog.String("type", job.Type), slog.Int("attempts", job.Attempts), slog.Int("objects", len(job.Objects)))
	if !job.StartedAt.IsZero() && !job.FinishedAt.IsZero() {
		attrs = append(attrs, slog.Duration("took", job.FinishedAt.Sub(job.StartedAt).Round(time.Millisecond)))
	}
	level := slog.LevelInfo
	if job.State == jobs.Failed && job.Failure != nil {
		level, attrs = slog.LevelWarn, append(attrs, slog.String("code", string(job.Failure.Code)), slog.String("error", job.Failure.Message))
	}
	p.log.LogAttrs(context.Background(), level, job.State.String(), attrs...)
}

// openOutside lets workers and operators on other hosts in, once run serves them.
func (p *process) openOutside(context.Context) (err error) {
	p.outside, err = openOutside(p.cfg, p.log)
	return err
}

func (p *process) openWorkers(context.Context) (err error) {
	if p.cfg.API.Concurrency == 0 {
		if p.cfg.Listen == "" {
			p.log.Warn("concurrency is 0 and listen is not set: messages are stored, and nothing is carried out")
		}
		return nil // coordinator only
	}
	if p.account, err = newAccount(p.cfg, apiConfig(p.cfg, p.log), p.metrics, requestTracer(p.tracing)); err != nil {
		return err
	}
	p.metrics.WatchInFlight(p.account.api.InFlight)
	spool := attachment.Spool{Dir: filepath.Join(p.cfg.DataDir, spoolDir)}
	if err := spool.Sweep(); err != nil {
		return err
	}
	s3, err := newS3(p.cfg, spool)
	if err != nil {
		return err
	}
	p.gate = &workers.Gate{
		Holds: p.scheduler, Scope: p.holdScope(), Log: p.log, Clock: time.Now, SecretsChanged: p.account.secretsChanged,
		Probe: map[jobs.Reason]func(context.Context) error{jobs.HoldAPIDown: p.account.probe, jobs.HoldAuth: p.account.probe, jobs.HoldS3Down: s3.Ping},
	}
	p.scheduler.Joined(processName())
	p.pool, err = workers.NewPool(workers.PoolConfig{
		Claims: p.scheduler, Gate: p.gate, Name: processName(), Concurrency: p.cfg.API.Concurrency, Grace: p.cfg.Grace, Log: p.log, Steps: p.metrics, Tracer: attemptTracer(p.tracing),
		Workflows: workers.NewWorkflows(p.account.api, sources{spool, s3}, p.cfg.API.DefaultFolder),
	})
	return err
}

// holdScope is what stands still when the workers of this process find an outside
// party away: if there may be others, they see for themselves.
func (p *process) holdScope() string {
	if p.cfg.Listen == "" {
		return schedule.ScopeAll
	}
	return schedule.WorkerScope(processName())
}

// sources are all places that attachments come from.
type sources struct {
	attachment.Spool
	*attachment.S3
}

func (p *process) openKafka(ctx context.Context) (err error) {
	k := p.cfg.Kafka
	connection := kafkaConnection(p.cfg)
	p.outbox, err = ingest.NewOutbox(ingest.OutboxConfig{
		Connection: connection, Topic: k.ErrorsTopic, GroupID: k.GroupID, Jobs: p.ledger, Log: p.log,
	})
	if err != nil {
		return usagef("kafka settings: %s", err)
	}
	p.scheduler.OnFailed(p.outbox.Wake)
	if err := p.openResults(ctx, connection); err != nil {
		return err
	}
	p.group, err = ingest.NewGroup(ingest.Config{
		Connection: connection, Topic: k.ObservationTopic, GroupID: k.GroupID, SessionTimeout: k.SessionTimeout, ResetCursor: p.options.resetCursor,
		Ledger: p.ledger, Stream: p.stream, Scheduler: p.scheduler, Holds: p.scheduler, Log: p.log, OnWriteError: p.restartNATS,
		Jobs: reader(p.cfg),
	})
	if err != nil {
		return usagef("kafka settings: %s", err)
	}
	return nil
}

// serveControl offers the control API on the present connection.
func (p *process) serveControl() error {
	_, err := control.Serve(p.nats.Conn(), p.desk()) // it ends with the connection
	if err != nil {
		return err
	}
	_, err = control.ServeKeys(p.nats.Conn(), p.outside)
	return err
}

func (p *process) desk() *control.Desk {
	return &control.Desk{
		Ledger: p.ledger, Scheduler: p.scheduler, Stream: p.stream.Get, Ingest: p.ingest,
		Submitter: p.submitter, Failures: errorLog(p.cfg), Feed: p.feed, Remote: p.outside.workers, Page: p.pass, KeepReplays: p.cfg.Retention.Failed,
	}
}

// run works until ctx ends, then gives back what it has and closes.
func (p *process) run(ctx context.Context) error {
	defer p.close()
	var http *endpoints
	if p.cfg.HTTPListen != "" {
		var err error
		if http, err = p.openHTTP(); err != nil {
			return err
		}
	}
	if err := p.serveControl(); err != nil {
		return err
	}
	// Upkeep and reporting outlive the workers, so that what they end is reported.
	upkeep, stopUpkeep := context.WithCancel(context.WithoutCancel(ctx))
	defer stopUpkeep()
	if err := p.outside.serve(upkeep, p.ledger.Identity(), p.scheduler, p.desk(), p.setRate()); err != nil {
		return err
	}
	var last, first sync.WaitGroup
	last.Go(func() { p.scheduler.Run(upkeep) })
	if http != nil {
		p.serveHTTP(ctx, http)
		last.Go(func() { p.page.Run(ctx) })
	}
	last.Go(func() { p.outbox.Run(upkeep) })
	if p.results != nil {
		last.Go(func() { p.results.Run(upkeep) })
	}
	last.Go(func() { p.upkeep(upkeep) })
	last.Go(func() { p.outside.run(upkeep) })
	last.Go(func() { newUnmanned(p.scheduler, p.log).run(ctx) })
	if p.pool != nil {
		last.Go(func() { p.gate.Run(upkeep) })
		last.Go(func() { p.account.connect(ctx, p.gate, p.log) })
		last.Go(func() { p.watchToken(ctx) })
		first.Go(func() { p.pool.Run(ctx) })
	}
	first.Go(func() {
		p.awaitLeases(ctx)
		p.group.Run(ctx)
	})
	<-ctx.Done()
	p.log.Info("stopping: running jobs may end", "grace", p.cfg.Grace)
	p.scheduler.Deactivate()
	first.Wait()
	p.drain()
	stopUpkeep()
	last.Wait()
	stopTracing(p.tracing, p.log)
	p.log.Info("stopped")
	return nil
}

// awaitLeases waits for the workers to whom a former process gave jobs: before
// they have reported, or their leases have ended, no other process of the group may
// be active, and this one would leave its place to it when it joins.
func (p *process) awaitLeases(ctx context.Context) {
	if n := p.scheduler.Snapshot().Running; n > 0 {
		p.log.Info("workers on other hosts have jobs of the last run: they are waited for before the group is joined", "jobs", n, "at most", p.cfg.Lease)
	}
	_ = p.scheduler.Drained(ctx) // else the process ends
}

// drain waits for workers on other hosts to report. What they do not report is
// waited for at the next start.
func (p *process) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Grace)
	defer cancel()
	if p.scheduler.Drained(ctx) != nil {
		p.log.Warn("workers on other hosts have not reported; the next start waits for their leases")
	}
}

// healthy reports whether the process can make progress on its own store.
func (p *process) healthy() error {
	for _, h := range p.scheduler.Holds() {
		if h.Reason == jobs.HoldStoreFull {
			return fmt.Errorf("store_full: %s", h.Message)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_, _, _, err := p.stream.Bounds(ctx)
	return err
}

// ingest tells how far each partition has been read.
func (p *process) ingest() (role string, list []control.Ingest) {
	for _, s := range p.ledger.Partitions() {
		if s.Topic == "" {
			continue // submitted messages
		}
		row := control.Ingest{Topic: s.Topic, Partition: s.ID, Cursor: s.Cursor, Committed: s.Committed}
		if end, ok := p.group.End(s.Partition); ok {
			row.Lag = max(0, end-s.Cursor)
		}
		list = append(list, row)
	}
	return p.group.Role(), list
}

// close ends everything in the reverse order of its opening.
func (p *process) close() {
	if p.outside != nil {
		p.outside.close()
	}
	if p.scheduler != nil {
		_ = p.scheduler.Close()
	}
	if p.nats != nil {
		p.nats.Stop()
		_ = os.Remove(filepath.Join(p.cfg.DataDir, accessFile)) // it would lead nowhere
	}
	if p.ledger != nil {
		if err := p.ledger.Close(); err != nil {
			p.log.Error("ledger does not close cleanly", "error", err)
		}
	}
}

// setRate limits the requests of this process; nil if it carries out nothing.
func (p *process) setRate() func(perSecond float64) {
	if p.account == nil {
		return nil
	}
	return p.account.api.SetRate
}
