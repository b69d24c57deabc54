package cli

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"dispatcher/config"
	"dispatcher/internal/metrics"
	"dispatcher/internal/tracing"
	"dispatcher/jobs"
	"dispatcher/jobs/join"
	"dispatcher/jobs/remote"
	"dispatcher/workers"
	"dispatcher/workers/attachment"
)

func workerCommand() *cli.Command {
	return &cli.Command{
		Name:  "worker",
		Usage: "carry out jobs of a `dispatcher run` on another host",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "join", Usage: "join `FILE`, made there with dispatcher credentials worker"},
			&cli.IntFlag{Name: "concurrency", Usage: "jobs in flight `N` (env CONCURRENCY)", DefaultText: "8"},
			&cli.StringFlag{Name: "grace", Usage: "how `LONG` running jobs may go on after SIGTERM (env GRACE)", DefaultText: "35s"},
		},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			if c.String("join") == "" {
				return usagef("worker: no join file; make one on the run host with dispatcher credentials worker --name NAME, and give --join FILE")
			}
			hosts, err := readJoin(envOf(c), c.String("join"), join.Worker)
			if err != nil {
				return err
			}
			cfg, err := loadConfig(c, config.ForWorker)
			if err != nil {
				return err
			}
			go exitOnSecondSignal(c.Context)
			newMemory(envOf(c))
			w, err := newWorker(c.Context, cfg, hosts, envOf(c).Getenv, newLogger(envOf(c), cfg))
			if err != nil {
				return err
			}
			return w.run(c.Context)
		},
	}
}

// worker is everything of `worker`, wired together. It keeps nothing: what it
// knows of jobs it was told, and what it does it tells.
type worker struct {
	cfg     *config.Config
	log     *slog.Logger
	metrics *metrics.Metrics
	client  *remote.Client
	pool    *workers.Pool
	gate    *workers.Gate
	account *account
	release func()           // of the files on their way
	tracing *tracing.Tracing // nil: off
}

func newWorker(ctx context.Context, cfg *config.Config, hosts []join.File, getenv func(string) string, log *slog.Logger) (w *worker, err error) {
	w = &worker{cfg: cfg, log: log, metrics: metrics.New(version())}
	if w.tracing, err = startTracing(ctx, cfg, getenv, log); err != nil {
		return nil, err
	}
	settings := apiConfig(cfg, log)
	settings.Guarded = true
	if w.account, err = newAccount(cfg, settings, w.metrics, requestTracer(w.tracing)); err != nil {
		return nil, err
	}
	w.metrics.WatchInFlight(w.account.api.InFlight)
	spool, release, err := attachment.Temporary(os.TempDir())
	if err != nil {
		return nil, err
	}
	w.release = release
	defer func() {
		if err != nil {
			release()
		}
	}()
	s3, err := newS3(cfg, spool)
	if err != nil {
		return nil, err
	}
	w.client, err = remote.NewClient(remote.ClientConfig{Hosts: hosts, Process: processName(), Capacity: cfg.API.Concurrency, Rate: w.account.api.SetRate, Log: log})
	if err != nil {
		return nil, err
	}
	w.gate = &workers.Gate{
		Holds: w.client, Log: log, Clock: time.Now, SecretsChanged: w.account.secretsChanged,
		Probe: map[jobs.Reason]func(context.Context) error{
			jobs.HoldAPIDown: w.account.probe, jobs.HoldAuth: w.account.probe, jobs.HoldS3Down: s3.Ping,
		},
	}
	w.pool, err = workers.NewPool(workers.PoolConfig{
		Away:   true,
		Claims: w.client, Gate: w.gate, Name: processName(), Concurrency: cfg.API.Concurrency, Grace: cfg.Grace, Log: log, Steps: w.metrics, Tracer: attemptTracer(w.tracing),
		Workflows: workers.NewWorkflows(w.account.api, sources{spool, s3}, cfg.API.DefaultFolder),
	})
	return w, err
}

// deliverGrace is how long outcomes may be on the way when everything else has
// ended.
const deliverGrace = 5 * time.Second

// run works until ctx ends, then gives back what it has.
func (w *worker) run(ctx context.Context) error {
	defer w.release()
	if slices.ContainsFunc(w.cfg.Sources, func(s config.Source) bool { return s.Key == "http_listen" }) && w.cfg.HTTPListen != "" {
		http, err := listenHTTP(w.cfg, w.log)
		if err != nil {
			return err
		}
		http.serve(ctx, probes{healthy: func() error { return nil }, ready: w.readiness, metrics: w.metrics.Handler()}, w.log)
	}
	w.log.Info("worker starts", "version", version(), "api", w.cfg.API.URL, "concurrency", w.cfg.API.Concurrency, "name", processName())
	for _, warning := range w.cfg.Warnings {
		w.log.Warn(warning)
	}
	upkeep, stopUpkeep := context.WithCancel(context.WithoutCancel(ctx))
	defer stopUpkeep()
	var beside sync.WaitGroup
	beside.Go(func() { w.client.Run(upkeep) })
	beside.Go(func() { w.gate.Run(upkeep) })
	beside.Go(func() { w.account.connect(ctx, w.gate, w.log) })
	w.pool.Run(ctx)
	w.log.Info("stopping: what is in hand was given back")
	stopUpkeep()
	beside.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), deliverGrace)
	defer cancel()
	for _, id := range w.client.Close(last) {
		w.log.Warn("an outcome was not delivered, another worker looks what has become of it", "job", id)
	}
	stopTracing(w.tracing, w.log)
	w.log.Info("stopped")
	return nil
}

// readiness is that of a worker: connected to a run host that is active, with
// nothing on hold here.
func (w *worker) readiness() readiness {
	r := readinessOf("worker", w.client.Holds())
	host := party{Name: "run", OK: w.client.Active()}
	if !host.OK {
		host.Why = "no active run host is connected"
	}
	r.Ready = host.OK && len(w.client.Holds()) == 0
	r.Parties = append([]party{host}, r.Parties...)
	return r
}
