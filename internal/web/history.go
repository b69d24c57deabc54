package web

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
)

// The charts show the last hour.
const (
	sampleEvery = 10 * time.Second
	maxSamples  = 360
)

// Sample is a moment of the charts.
type Sample struct {
	At         int64   `json:"at"`        // Unix seconds
	Succeeded  int64   `json:"succeeded"` // since the sample before
	Failed     int64   `json:"failed"`
	Unfinished int     `json:"unfinished"`
	Oldest     float64 `json:"oldest"` // age of the oldest unfinished, in seconds
	Lag        int64   `json:"lag"`    // records in Kafka that were not read yet
}

// History is the last hour of this process. The zero History is ready.
type History struct {
	succeeded, failed atomic.Int64 // since the last sample

	mu      sync.Mutex
	samples []Sample
}

// Ended counts a job.
func (h *History) Ended(job *jobs.Job) {
	switch job.State {
	case jobs.Succeeded:
		h.succeeded.Add(1)
	case jobs.Failed:
		h.failed.Add(1)
	}
}

// Samples returns them all, the oldest first.
func (h *History) Samples() []Sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Sample{}, h.samples...)
}

// Last returns the newest sample.
func (h *History) Last() (last Sample, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) == 0 {
		return last, false
	}
	return h.samples[len(h.samples)-1], true
}

func (h *History) run(ctx context.Context, from control.Viewer, clock func() time.Time) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		if stats, err := from.Stats(ctx); err == nil {
			h.add(&stats, clock())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (h *History) add(stats *control.Stats, now time.Time) {
	s := Sample{At: now.Unix(), Succeeded: h.succeeded.Swap(0), Failed: h.failed.Swap(0)}
	for _, name := range []string{"queued", "running", "retrying"} {
		s.Unfinished += stats.States[name]
	}
	if !stats.OldestUnfinished.IsZero() {
		s.Oldest = max(0, now.Sub(stats.OldestUnfinished).Seconds())
	}
	for _, p := range stats.Ingest {
		s.Lag += p.Lag
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) == maxSamples {
		h.samples = append(h.samples[:0], h.samples[1:]...)
	}
	h.samples = append(h.samples, s)
}
