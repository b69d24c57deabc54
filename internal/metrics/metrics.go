package metrics

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// namespace begins every name.
const namespace = "dispatcher"

// Metrics is everything that is told.
type Metrics struct {
	registry *prometheus.Registry
	ended    *endings
	steps    *steps
	requests *requests
	expiry   prometheus.Gauge
}

// New returns metrics that tell of no state yet; see [Metrics.Watch].
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), ended: newEndings(), steps: newSteps(), requests: newRequests()}
	m.expiry = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "api_token_expiry_timestamp_seconds", Help: "When the personal access token in use ends.",
	})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the labels tell what runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(build, m.ended.total, m.ended.took, m.steps.took, m.requests.total, m.requests.took,
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{Namespace: namespace}))
	return m
}

// TokenEnds tells when the token in use ends. Before the first call nothing is
// told; a zero time means that it is not known any more.
func (m *Metrics) TokenEnds(at time.Time) {
	if at.IsZero() {
		m.registry.Unregister(m.expiry)
		return
	}
	m.expiry.Set(float64(at.UnixNano()) / 1e9)
	_ = m.registry.Register(m.expiry) // it may be there already
}

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Timeout: 10 * time.Second})
}
