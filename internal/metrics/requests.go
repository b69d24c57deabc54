package metrics

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dispatcher/workers/ciso"
)

// requests counts and measures requests to the API.
type requests struct {
	total  *prometheus.CounterVec
	took   *prometheus.HistogramVec
	routes []route // as in [ciso.Routes]
}

// route is what is known of one route. Its counters are made when they are
// first needed: most statuses never come.
type route struct {
	ciso.Route
	took     prometheus.Observer
	counters [lastStatus + 1]atomic.Pointer[prometheus.Counter] // by status
}

// No answer counts as 0, and a status that has no name as 1.
const (
	noAnswer    = 0
	otherStatus = 1
	lastStatus  = 599
)

func newRequests() *requests {
	r := &requests{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "api_requests_total", Help: "Requests to CISO Assistant, by method, route and status of the answer (none: there was no answer).",
		}, []string{"method", "route", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "api_request_duration_seconds", Help: "Of requests to CISO Assistant, by method and route.", Buckets: latencies(),
		}, []string{"method", "route"}),
	}
	known := ciso.Routes()
	r.routes = make([]route, len(known))
	for i, k := range known {
		r.routes[i].Route, r.routes[i].took = k, r.took.WithLabelValues(k.Method, k.Path)
	}
	return r
}

// Request counts a request; see [ciso.Requests].
func (m *Metrics) Request(place, status int, took time.Duration) {
	r := &m.requests.routes[place]
	r.took.Observe(took.Seconds())
	if status != noAnswer && (status > lastStatus || http.StatusText(status) == "") {
		status = otherStatus
	}
	counter := r.counters[status].Load()
	if counter == nil {
		c := m.requests.total.WithLabelValues(r.Method, r.Path, statusText(status))
		counter = &c
		r.counters[status].Store(counter)
	}
	(*counter).Inc()
}

func statusText(status int) string {
	switch status {
	case noAnswer:
		return "none"
	case otherStatus:
		return "other"
	}
	return strconv.Itoa(status)
}

// WatchInFlight shows how many requests are in flight, and how many may be.
func (m *Metrics) WatchInFlight(inFlight func() (limit, used int)) {
	gauge := func(name, help string, value func() int) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, func() float64 { return float64(value()) }))
	}
	gauge("api_in_flight", "Requests to CISO Assistant in flight.", func() int { _, used := inFlight(); return used })
	gauge("api_in_flight_limit", "Requests to CISO Assistant that may be in flight: what its answers show that it bears, at most rest.concurrency.", func() int { limit, _ := inFlight(); return limit })
}
