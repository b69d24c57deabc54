package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dispatcher/jobs"
)

// SkipError says why an operator's command leaves a job as it is.
type SkipError struct{ Why string }

func (e *SkipError) Error() string { return e.Why }

// Reopening is an operator's wish to have an ended job carried out again.
type Reopening struct {
	FromStart bool // forget the recorded steps
	Force     bool // even if a newer job of its key has succeeded since
	DryRun    bool // only tell whether it would be done
	Audit     jobs.AuditEntry
}

// Reopen queues a failed or canceled job again, with a fresh retry budget. It
// returns after the sync, or a [SkipError].
func (s *Scheduler) Reopen(ctx context.Context, job jobs.Job, r Reopening) error {
	if err := s.reopenable(&job, r); err != nil || r.DryRun {
		return err
	}
	job.State, job.Failure, job.Note = jobs.Queued, nil, ""
	job.BudgetFrom, job.Crashes, job.StreamSeq = job.Attempts, 0, 0
	job.FirstFailedAt, job.NextAttemptAt, job.FinishedAt = time.Time{}, time.Time{}, time.Time{}
	job.Reopened = true
	if err := s.cfg.Ledger.Reopen(ctx, job, r.FromStart, r.Audit); err != nil {
		return fmt.Errorf("reopen %s: %w", job.ID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bySeq[job.Seq] != nil {
		return nil // two operators at once: it is queued already
	}
	e := s.adopt(&job, nil)
	e.resumed = !r.FromStart
	if e.lane.head == e {
		s.ready.push(e)
	}
	s.pump()
	return nil
}

func (s *Scheduler) reopenable(job *jobs.Job, r Reopening) error {
	if job.State != jobs.Failed && job.State != jobs.Canceled {
		return &SkipError{Why: "it is " + job.State.String() + ", only failed or canceled jobs are retried"}
	}
	if newer, ok := s.cfg.Ledger.LastSuccess(job.Key); ok && newer > job.Seq && !r.Force {
		return &SkipError{Why: "superseded: a newer job of its key has succeeded since; --force does it all the same"}
	}
	if _, err := s.cfg.Ledger.Payload(job.Seq); err != nil {
		return &SkipError{Why: "its message is not kept any more"}
	}
	return nil
}

// IsSkip reports whether err is a [SkipError].
func IsSkip(err error) bool {
	var skip *SkipError
	return errors.As(err, &skip)
}
