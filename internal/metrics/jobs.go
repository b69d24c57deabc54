package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dispatcher/jobs"
)

// unknownType is how messages count whose type could not be read.
const unknownType = "unknown"

// endings counts jobs that have ended.
type endings struct {
	total    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	counters map[ending]prometheus.Counter
	times    map[string]prometheus.Observer // by type
}

// ending is how a job ended; the code is empty unless it failed.
type ending struct {
	messageType string
	state       jobs.State
	code        jobs.Code
}

func newEndings() *endings {
	e := &endings{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "jobs_finished_total", Help: "Jobs that ended, by type, state and failure code.",
		}, []string{"type", "state", "code"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "job_duration_seconds", Help: "From the receipt of a message to the success of its job, waiting included.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400},
		}, []string{"type"}),
		counters: make(map[ending]prometheus.Counter), times: make(map[string]prometheus.Observer),
	}
	for _, messageType := range append(jobs.Types(), unknownType) {
		for _, state := range []jobs.State{jobs.Succeeded, jobs.Canceled, jobs.Released} {
			e.add(ending{messageType, state, ""})
		}
		for _, code := range jobs.Codes() {
			e.add(ending{messageType, jobs.Failed, code})
		}
		e.times[messageType] = e.took.WithLabelValues(messageType)
	}
	return e
}

func (e *endings) add(how ending) {
	e.counters[how] = e.total.WithLabelValues(how.messageType, how.state.String(), string(how.code))
}

// Ended counts a job that has ended.
func (m *Metrics) Ended(job *jobs.Job) {
	how := ending{messageType: job.Type, state: job.State}
	if job.State == jobs.Failed && job.Failure != nil {
		how.code = job.Failure.Code
	}
	if _, known := m.ended.times[how.messageType]; !known {
		how.messageType = unknownType
	}
	if counter := m.ended.counters[how]; counter != nil {
		counter.Inc()
	}
	if job.State == jobs.Succeeded {
		m.ended.times[how.messageType].Observe(max(0, job.FinishedAt.Sub(job.ReceivedAt)).Seconds())
	}
}

// steps measures the steps of workflows.
type steps struct {
	took  *prometheus.HistogramVec
	times map[[2]string]prometheus.Observer // by type and step
	other prometheus.Observer
}

// stepNames are the steps of each type, without what they are about.
func stepNames(messageType string) []string {
	if messageType == jobs.TypeUploadAttachment {
		return []string{"file", "resolve", "create", "revision", "link"}
	}
	return []string{"resolve", "patch"}
}

func newSteps() *steps {
	s := &steps{
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "step_duration_seconds", Help: "Of steps of jobs that were done, by type and step.", Buckets: latencies(),
		}, []string{"type", "step"}),
		times: make(map[[2]string]prometheus.Observer),
	}
	for _, messageType := range jobs.Types() {
		for _, name := range stepNames(messageType) {
			s.times[[2]string{messageType, name}] = s.took.WithLabelValues(messageType, name)
		}
	}
	s.other = s.took.WithLabelValues("other", "other")
	return s
}

// latencies are the buckets of what one request or a few take.
func latencies() []float64 {
	return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}
}

// Step measures a step that is done; see [workers.Steps].
func (m *Metrics) Step(messageType, name string, took time.Duration) {
	for i := range len(name) {
		if name[i] == '/' { // patch/<id>
			name = name[:i]
			break
		}
	}
	observer := m.steps.times[[2]string{messageType, name}]
	if observer == nil {
		observer = m.steps.other
	}
	observer.Observe(took.Seconds())
}
