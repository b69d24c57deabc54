package schedule

import (
	"time"

	"dispatcher/jobs"
)

// Snapshot is what the scheduler knows at one moment.
type Snapshot struct {
	Active     bool
	Unfinished int
	Retrying   int
	Running    int
	Unmanned   int     // jobs that wait for nothing but a worker, while none is there
	Rate1m     float64 // ended jobs per second over the last minute
	Rate15m    float64
	Holds      []jobs.Hold
	Workers    map[string]int // running jobs by worker
	oldest     uint64
}

// Oldest returns the sequence of the oldest unfinished job; ok is false if all
// have ended.
func (s Snapshot) Oldest() (seq uint64, ok bool) { return s.oldest, s.oldest != 0 }

// Snapshot returns the present counts.
func (s *Scheduler) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Clock()
	snap := Snapshot{
		Active:     s.active,
		Unfinished: len(s.bySeq),
		Running:    s.inHand,
		Rate1m:     s.rates.perSecond(now, time.Minute),
		Rate15m:    s.rates.perSecond(now, 15*time.Minute),
		Holds:      s.holds.list(),
		Workers:    make(map[string]int),
	}
	for worker := range s.holds.workers {
		snap.Workers[worker] += 0
	}
	for _, c := range s.claimers {
		snap.Workers[c.worker] += 0
	}
	unmanned := s.unmanned()
	for _, e := range s.bySeq {
		if snap.oldest == 0 || e.seq < snap.oldest {
			snap.oldest = e.seq
		}
		if unmanned && e.phase == ready && s.reasonFor(e) == jobs.WaitWorker {
			snap.Unmanned++
		}
		switch {
		case e.run != nil:
			snap.Workers[e.run.worker]++
		case e.retrying:
			snap.Retrying++
		}
	}
	return snap
}

// Rates returns how many jobs came in and ended per second within the last window
// of whole seconds, at most 15 minutes.
func (s *Scheduler) Rates(window time.Duration) (come, end float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Clock()
	return s.arrivals.perSecond(now, window), s.rates.perSecond(now, window)
}

// Waiting is why an unfinished job does not run.
type Waiting struct {
	Running bool
	Reason  jobs.Reason
	Behind  uint64 // sequence of the job at the head of its lane
	Worker  string
}

// Waiting explains the job with sequence seq; ok is false if it is not here.
func (s *Scheduler) Waiting(seq uint64) (w Waiting, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.bySeq[seq]
	if e == nil {
		return w, false
	}
	switch e.phase {
	case running, ending:
		w.Running = true
		if e.run != nil {
			w.Worker = e.run.worker
		}
	case behind:
		w.Reason, w.Behind = jobs.WaitBehind, e.lane.head.seq
	case waiting:
		w.Reason = jobs.WaitBackoff
	case locked:
		w.Reason = jobs.WaitLocked
	case parked:
		w.Reason = jobs.HoldS3Down
	case ready:
		w.Reason = s.reasonFor(e)
	}
	return w, true
}

// reasonFor returns why a ready job is not given out, "" if it may be.
func (s *Scheduler) reasonFor(e *entry) jobs.Reason {
	reason := s.holds.reasonFor(kinds[e.kind])
	switch {
	case reason != "":
		return reason
	case !s.active:
		return jobs.WaitStandby
	case s.unmanned():
		return jobs.WaitWorker
	}
	return ""
}

// rates counts jobs in one bucket a second over the last 15 minutes.
type rates struct {
	buckets [900]uint32
	last    int64 // Unix second of the newest bucket
	since   int64 // Unix second of the first count
}

func (r *rates) count(now time.Time, n int) {
	r.advance(now.Unix())
	r.buckets[now.Unix()%int64(len(r.buckets))] += uint32(n)
}

func (r *rates) advance(second int64) {
	if r.last == 0 {
		r.last, r.since = second, second
	}
	for n := 0; r.last < second; n++ {
		r.last++
		if n < len(r.buckets) {
			r.buckets[r.last%int64(len(r.buckets))] = 0
		}
		if n >= len(r.buckets) {
			r.last = second
		}
	}
}

func (r *rates) perSecond(now time.Time, window time.Duration) float64 {
	r.advance(now.Unix())
	seconds := int64(window / time.Second)
	var total uint32
	for i := range seconds {
		if at := r.last - i; at >= 0 {
			total += r.buckets[at%int64(len(r.buckets))]
		}
	}
	if alive := r.last - r.since + 1; alive < seconds {
		seconds = alive
	}
	return float64(total) / float64(seconds)
}
