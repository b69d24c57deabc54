package metrics

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
)

// State is where the present state comes from.
type State struct {
	Stats func(ctx context.Context) (control.Stats, error)
	Store func(ctx context.Context) (used, limit int64, err error) // bytes
	Clock func() time.Time
}

// Watch makes scrapes ask for the present state.
func (m *Metrics) Watch(s State) { m.registry.MustRegister(newStateCollector(s)) }

// askTimeout bounds what one scrape may wait for.
const askTimeout = 5 * time.Second

// stateCollector is a [prometheus.Collector].
type stateCollector struct {
	state State

	role, jobs, oldest, lag, pending, results, hold, workers, running, seen, used, limit *prometheus.Desc
}

func newStateCollector(s State) *stateCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
	}
	return &stateCollector{
		state:   s,
		role:    desc("role", "1 for the role of this process in its group: active, standby or offline.", "role"),
		jobs:    desc("jobs", "Jobs that are remembered, by state.", "state"),
		oldest:  desc("oldest_unfinished_job_age_seconds", "Since the receipt of the oldest unfinished job; 0 if all have ended."),
		lag:     desc("ingest_lag_records", "Records of a partition that are not read yet.", "topic", "partition"),
		pending: desc("errors_pending", "Failures that Kafka has not acknowledged on the errors topic."),
		results: desc("results_pending", "Results that Kafka has not acknowledged on the results topic."),
		hold:    desc("hold", "1 while work stands still for this reason.", "reason"),
		workers: desc("workers", "Worker processes that ask for jobs."),
		running: desc("worker_jobs", "Jobs in hand of the workers of a credential; local: those in this process.", "credential"),
		seen:    desc("worker_last_seen_timestamp_seconds", "When a worker of a credential was last heard of.", "credential"),
		used:    desc("store_used_bytes", "Of the data directory: waiting messages and the ledger."),
		limit:   desc("store_limit_bytes", "What the store may take."),
	}
}

// Describe implements [prometheus.Collector].
func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.role, c.jobs, c.oldest, c.lag, c.pending, c.results, c.hold, c.workers, c.running, c.seen, c.used, c.limit} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	if used, limit, err := c.state.Store(ctx); err == nil { // else the store's own hold tells
		gauge(c.used, float64(used))
		gauge(c.limit, float64(limit))
	}
	stats, err := c.state.Stats(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(c.jobs, err)
		return
	}
	for _, role := range []string{"active", "standby", "offline"} {
		gauge(c.role, oneIf(stats.Role == role), role)
	}
	for _, state := range jobs.States() {
		gauge(c.jobs, float64(stats.States[state.String()]), state.String())
	}
	age := 0.0
	if !stats.OldestUnfinished.IsZero() {
		age = max(0, c.state.Clock().Sub(stats.OldestUnfinished).Seconds())
	}
	gauge(c.oldest, age)
	for _, p := range stats.Ingest {
		gauge(c.lag, float64(p.Lag), p.Topic, strconv.Itoa(int(p.Partition)))
	}
	gauge(c.pending, float64(stats.ErrorsPending))
	gauge(c.results, float64(stats.ResultsPending))
	gauge(c.workers, float64(len(stats.Workers)))
	for credential, w := range byCredential(stats.Workers) {
		gauge(c.running, float64(w.Running), credential)
		if !w.LastSeen.IsZero() {
			gauge(c.seen, float64(w.LastSeen.UnixNano())/1e9, credential)
		}
	}
	for _, reason := range jobs.Holds() {
		held := false
		for _, h := range stats.Holds {
			held = held || h.Reason == reason
		}
		gauge(c.hold, oneIf(held), string(reason))
	}
}

// byCredential adds the processes of each credential up: operators make those, so
// that their number is bounded.
func byCredential(workers []control.Worker) map[string]control.Worker {
	all := make(map[string]control.Worker)
	for _, w := range workers {
		name := cmp.Or(w.Credential, "local")
		sum := all[name]
		sum.Running += w.Running
		if w.LastSeen.After(sum.LastSeen) {
			sum.LastSeen = w.LastSeen
		}
		all[name] = sum
	}
	return all
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
