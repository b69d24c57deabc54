package schedule

import (
	"time"

	"github.com/cenkalti/backoff/v5"

	"dispatcher/jobs"
)

// delay returns how long to wait after the n-th failed attempt (from 1):
// exponential with full jitter, a random share of min(cap, base·2ⁿ⁻¹).
func (s *Scheduler) delay(n int) time.Duration {
	ceiling := s.cfg.BackoffBase
	for range n - 1 {
		if ceiling *= 2; ceiling >= s.cfg.BackoffCap {
			break
		}
	}
	// The library spreads an interval i over [i-i·f, i+i·f]; with f = 1 that is
	// [0, 2i], full jitter for a ceiling of 2i.
	full := backoff.ExponentialBackOff{
		InitialInterval:     min(ceiling, s.cfg.BackoffCap) / 2,
		RandomizationFactor: 1,
		Multiplier:          1,
		MaxInterval:         s.cfg.BackoffCap,
	}
	return full.NextBackOff()
}

// nextAttempt decides on a failed attempt: when the next one is, or that the
// budget is spent. It counts the age of the budget without the time on hold.
func (s *Scheduler) nextAttempt(job *jobs.Job, o jobs.Outcome, now time.Time) (at time.Time, again bool) {
	if job.FirstFailedAt.IsZero() {
		job.FirstFailedAt = now
	}
	// From its due time to its start the job waited for something else: a hold,
	// a process that was not running, a free worker. That is not its own age.
	if late := o.StartedAt.Sub(job.NextAttemptAt); !job.NextAttemptAt.IsZero() && late > 0 {
		job.FirstFailedAt = job.FirstFailedAt.Add(late)
	}
	if job.Attempts-job.BudgetFrom >= s.cfg.MaxAttempts || now.Sub(job.FirstFailedAt) >= s.cfg.MaxAge {
		return time.Time{}, false
	}
	wait := max(s.delay(job.Attempts-job.BudgetFrom), min(o.RetryAfter, s.cfg.BackoffCap))
	return now.Add(wait), true
}
