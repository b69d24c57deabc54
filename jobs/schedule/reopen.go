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

// Reopening is an operator's wish to have ended jobs carried out again.
type Reopening struct {
	FromStart bool // forget the recorded steps
	Force     bool // even if a newer job of its key has succeeded since
	DryRun    bool // only tell whether it would be done
	Audit     jobs.AuditEntry
}

// Reopen queues failed or canceled jobs again, each with a fresh retry budget,
// in one transaction. It returns after the sync; by index, nil for a job that
// is queued, a [SkipError] for one that is left as it is. The jobs are in the
// order of their sequences, so that those of a key keep theirs.
func (s *Scheduler) Reopen(ctx context.Context, list []jobs.Job, r Reopening) []error {
	verdicts := make([]error, len(list))
	var fresh []jobs.Job
	var at []int
	for i := range list {
		if verdicts[i] = s.reopenable(&list[i], r); verdicts[i] == nil {
			fresh, at = append(fresh, anew(list[i])), append(at, i)
		}
	}
	if r.DryRun || len(fresh) == 0 {
		return verdicts
	}
	reopened, err := s.cfg.Ledger.Reopen(ctx, fresh, r.FromStart, r.Audit)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range fresh {
		switch {
		case err != nil:
			verdicts[at[i]] = fmt.Errorf("reopen %s: %w", fresh[i].ID, err)
		case !reopened[i] || s.bySeq[fresh[i].Seq] != nil: // two operators at once
			verdicts[at[i]] = &SkipError{Why: "it is queued already"}
		default:
			s.onChanged(&fresh[i])
			e := s.adopt(&fresh[i], nil)
			e.resumed = !r.FromStart
			if e.lane.head == e {
				s.ready.push(e)
			}
		}
	}
	s.pump()
	return verdicts
}

// anew is an ended job that is queued again.
func anew(job jobs.Job) jobs.Job {
	job.State, job.Failure, job.Note = jobs.Queued, nil, ""
	job.BudgetFrom, job.Crashes, job.StreamSeq = job.Attempts, 0, 0
	job.FirstFailedAt, job.NextAttemptAt, job.FinishedAt = time.Time{}, time.Time{}, time.Time{}
	job.Reopened = true
	return job
}

func (s *Scheduler) reopenable(job *jobs.Job, r Reopening) error {
	if job.State != jobs.Failed && job.State != jobs.Canceled {
		return &SkipError{Why: "it is " + job.State.String() + ", only failed or canceled jobs are retried"}
	}
	if newer, ok := s.cfg.Ledger.LastSuccess(job.Key); ok && newer > job.Seq && !r.Force {
		return &SkipError{Why: "superseded: a newer job of its key has succeeded since; --force does it all the same"}
	}
	if !s.cfg.Ledger.HasPayload(job.Seq) {
		return &SkipError{Why: "its message is not kept any more"}
	}
	return nil
}

// IsSkip reports whether err is a [SkipError].
func IsSkip(err error) bool {
	var skip *SkipError
	return errors.As(err, &skip)
}
