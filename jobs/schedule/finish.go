package schedule

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dispatcher/internal/crashpoint"
	"dispatcher/jobs"
)

// Finish takes a worker's report of an ended attempt. It returns after the
// sync; only then the next job of the key may run. While the ledger cannot
// store it (disk full) Finish tries again until ctx ends; the outcome of a
// write is never dropped because of that.
func (s *Scheduler) Finish(ctx context.Context, lease jobs.Lease, o jobs.Outcome) error {
	e, err := s.beginEnding(lease)
	if err != nil {
		return err
	}
	if err := s.reread(ctx, e); err != nil {
		return err
	}
	if err := s.quarantineUnanswered(ctx, e, s.granted(e, o.Unanswered)); err != nil {
		return err
	}
	c := e.canceling.Load()
	switch {
	case o.Kind == jobs.OutcomeSucceeded, o.Kind == jobs.OutcomeFailed:
		return s.end(ctx, e, o)
	case c != nil:
		return s.endInHand(ctx, e, o, c)
	}
	switch o.Kind {
	case jobs.OutcomeRetry:
		return s.postpone(ctx, e, o)
	case jobs.OutcomeHeld, jobs.OutcomeLocked, jobs.OutcomeReturned:
		return s.putBack(ctx, e, o)
	}
	return fmt.Errorf("finish job %s: unknown outcome %d", lease.ID, o.Kind)
}

func (s *Scheduler) beginEnding(lease jobs.Lease) (*entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.current(lease)
	if err != nil {
		return nil, err
	}
	e.phase = ending
	return e, nil
}

// granted leaves of names those that e may write: a report from another host
// concerns no other objects.
func (s *Scheduler) granted(e *entry, names []string) []string {
	if e.run.lease == nil {
		return names
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(names, func(name string) bool { return e.grant == nil || !slices.Contains(e.grant.objects, name) })
}

// quarantineUnanswered keeps objects whose write may still land from others.
func (s *Scheduler) quarantineUnanswered(ctx context.Context, e *entry, objects []string) error {
	if len(objects) == 0 || s.cfg.Quarantine <= 0 {
		return nil
	}
	until := s.cfg.Clock().Add(s.cfg.Quarantine)
	list := make([]jobs.Quarantined, len(objects))
	for i, name := range objects {
		list[i] = jobs.Quarantined{Object: name, Seq: e.seq, Until: until}
	}
	err := s.untilStored(ctx, func() error { return s.cfg.Ledger.SetQuarantine(ctx, list, nil) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range list {
		s.locks.quarantine(q)
	}
	e.lands = until.UnixNano()
	return err
}

// end stores that the job succeeded or failed.
func (s *Scheduler) end(ctx context.Context, e *entry, o jobs.Outcome) error {
	job := e.run.job
	job.Attempts++
	job.FinishedAt = o.EndedAt
	job.NextAttemptAt = time.Time{}
	job.Objects = mergeObjects(job.Objects, o.Objects)
	job.Note = o.Note
	ending := jobs.Ending{Steps: o.Steps}
	if o.Kind == jobs.OutcomeSucceeded {
		job.State, job.Failure = jobs.Succeeded, nil
		ending.Report = s.cfg.Results
	} else {
		job.State, job.Failure = jobs.Failed, o.Failure
		ending.Attempt = attemptOf(&job, o)
	}
	if ending.Report || job.State == jobs.Failed {
		ending.Payload = e.run.payload.Encode(nil)
	}
	ending.Job = job
	return s.store(ctx, e, ending)
}

// store stores the end of a job in hand, and lets the next ones go on.
func (s *Scheduler) store(ctx context.Context, e *entry, ending jobs.Ending) error {
	e.run.payload = jobs.Envelope{} // what is to be kept of it is encoded, and the disk may hang
	list := []jobs.Ending{ending}
	if err := s.untilStored(ctx, func() error { return s.cfg.Ledger.End(ctx, list...) }); err != nil {
		return fmt.Errorf("store outcome of %s: %w", list[0].Job.ID, err)
	}
	crashpoint.Here("ended")
	s.ended(e, &list[0].Job)
	return nil
}

// ended frees the lane and the locks of a job whose end is stored.
func (s *Scheduler) ended(e *entry, job *jobs.Job) {
	s.mu.Lock()
	now := s.cfg.Clock()
	s.rates.count(now, 1)
	s.leaveHand(e)
	freed := s.locks.release(e)
	s.forget(e, now)
	s.grantFor(freed, now)
	s.pump()
	s.mu.Unlock()
	switch {
	case job.State == jobs.Failed:
		s.onFailed()
	case job.State == jobs.Succeeded && s.cfg.Results:
		s.onResult()
	}
	s.tellEnded(job)
}

// postpone stores a failed attempt: the job is retried later, or exhausted.
func (s *Scheduler) postpone(ctx context.Context, e *entry, o jobs.Outcome) error {
	job := e.run.job
	job.Attempts++
	at, again := s.nextAttempt(&job, o, s.cfg.Clock())
	if !again {
		o.Kind = jobs.OutcomeFailed
		o.Failure = exhausted(&job, o.Failure)
		return s.end(ctx, e, o)
	}
	job.State, job.NextAttemptAt, job.Failure = jobs.Retrying, at, o.Failure
	job.Objects = mergeObjects(job.Objects, o.Objects)
	attempt := attemptOf(&job, o)
	err := s.untilStored(ctx, func() error { return s.cfg.Ledger.Update(ctx, job, attempt, o.Steps, nil) })
	if err != nil {
		return fmt.Errorf("store attempt of %s: %w", job.ID, err)
	}
	s.onChanged(&job)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Clock()
	e.retrying, e.resumed, e.due = true, true, at.UnixNano()
	freed := s.locks.release(e)
	s.leaveHand(e)
	s.backOff(e)
	s.grantFor(freed, now)
	s.pump()
	return nil
}

// exhausted is the failure of a job whose budget is spent; last is why its
// last attempt failed.
func exhausted(job *jobs.Job, last *jobs.Failure) *jobs.Failure {
	return &jobs.Failure{
		Class: jobs.ClassExhausted,
		Code:  jobs.CodeExhausted,
		Message: fmt.Sprintf("gave up after %d attempts since %s; last: %s",
			job.Attempts-job.BudgetFrom, job.FirstFailedAt.UTC().Format(time.RFC3339), last.Message),
		HTTPStatus: last.HTTPStatus,
	}
}

// putBack ends an attempt that does not count. The record changes only if
// something was written or recorded.
func (s *Scheduler) putBack(ctx context.Context, e *entry, o jobs.Outcome) error {
	job := e.run.job
	job.State = jobs.Queued
	if e.retrying {
		job.State = jobs.Retrying
	}
	if len(o.Steps) > 0 || len(o.Objects) > 0 {
		job.Objects = mergeObjects(job.Objects, o.Objects)
		err := s.untilStored(ctx, func() error { return s.cfg.Ledger.Update(ctx, job, nil, o.Steps, nil) })
		if err != nil {
			return fmt.Errorf("store progress of %s: %w", job.ID, err)
		}
	} else {
		s.dropLease(e)
	}
	s.onChanged(&job)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Clock()
	e.resumed = e.resumed || len(o.Steps) > 0
	freed := s.locks.release(e)
	s.leaveHand(e)
	switch {
	case o.Kind == jobs.OutcomeLocked && !s.locks.tryHold(e, sortedNames(o.Wanted), now):
		e.phase = locked
		s.locks.wait(e, sortedNames(o.Wanted))
		s.armWake()
	case o.Kind == jobs.OutcomeHeld && s.holds.forAll(o.Reason) && !stopsJobs(o.Reason):
		s.park(e, o.Reason)
	case o.NotBefore.After(now):
		e.due = o.NotBefore.UnixNano()
		s.backOff(e)
	default:
		s.requeue(e)
	}
	s.grantFor(freed, now)
	s.pump()
	return nil
}

func attemptOf(job *jobs.Job, o jobs.Outcome) *jobs.Attempt {
	return &jobs.Attempt{
		N:          job.Attempts,
		StartedAt:  o.StartedAt,
		DurationMS: o.EndedAt.Sub(o.StartedAt).Milliseconds(),
		Code:       o.Failure.Code,
		HTTPStatus: o.Failure.HTTPStatus,
		Message:    o.Failure.Message,
	}
}
