package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dispatcher/jobs"
)

// cancelBytes bounds the messages that are moved to the ledger at a time.
const cancelBytes = 8 << 20

// Cancellation is an operator's wish that unfinished jobs end.
type Cancellation struct {
	DryRun bool // only tell whether it would be done
	Audit  jobs.AuditEntry
}

// Verdict is what became of one job that an operator's command is about.
type Verdict struct {
	Err     error           // nil: done; a [SkipError]: left as it is
	Pending <-chan struct{} // not nil: it is in hand, ends before its next step, and this is closed then
}

// canceling is the wish on a job that is in hand.
type canceling struct {
	audit jobs.AuditEntry
	out   chan struct{} // closed when the job is gone, or cannot be canceled
}

// Cancel ends unfinished jobs as canceled, with their messages kept so that they
// can be retried. What it says is done is stored. A job in hand is not cut off
// in the middle of a request: its verdict is pending.
func (s *Scheduler) Cancel(ctx context.Context, list []jobs.Job, c Cancellation) []Verdict {
	verdicts := make([]Verdict, len(list))
	var idle []*entry
	at := make(map[*entry]int)
	s.mu.Lock()
	for i := range list {
		e := s.bySeq[list[i].Seq]
		switch {
		case e == nil:
			verdicts[i].Err = notUnfinished(list[i].State)
		case e.elsewhere:
			verdicts[i].Err = &SkipError{Why: "a worker on another host may have it; start the dispatcher first"}
		case c.DryRun:
		case e.phase == running || e.phase == ending:
			verdicts[i].Pending = e.wish(c.Audit)
		default:
			s.takeOut(e)
			idle, at[e] = append(idle, e), i
		}
	}
	s.pump() // what they kept locked
	s.mu.Unlock()
	s.endCanceled(ctx, idle, func(*entry) jobs.AuditEntry { return c.Audit }, func(e *entry, err error) { verdicts[at[e]].Err = err })
	return verdicts
}

func notUnfinished(s jobs.State) error {
	if !s.Ended() { // it was, when it was looked up
		return &SkipError{Why: "it has just ended"}
	}
	return &SkipError{Why: "it is " + s.String() + " already"}
}

// wish asks whoever has e in hand to end it before its next step.
func (e *entry) wish(audit jobs.AuditEntry) <-chan struct{} {
	c := e.canceling.Load()
	if c == nil {
		c = &canceling{audit: audit, out: make(chan struct{})}
		e.canceling.Store(c)
	}
	return c.out
}

// unwish tells those who wait that e is gone, or will not be canceled.
func (e *entry) unwish() {
	if c := e.canceling.Swap(nil); c != nil {
		close(c.out)
	}
}

// takeOut takes a job that nobody has in hand out of everybody's reach.
func (s *Scheduler) takeOut(e *entry) {
	freed := s.locks.release(e)
	e.phase = ending
	s.grantFor(freed, s.cfg.Clock())
}

// putIn undoes takeOut.
func (s *Scheduler) putIn(e *entry) {
	e.phase = behind
	if e.lane.head == e {
		s.promote(e, s.cfg.Clock())
	}
	s.pump()
}

// settle cancels a job whose cancellation was asked for when its attempt had
// already reported, or could not begin.
func (s *Scheduler) settle(e *entry) {
	s.mu.Lock()
	c := e.canceling.Load()
	if c == nil || e.phase == running || e.phase == ending || e.phase == gone {
		s.mu.Unlock()
		return
	}
	s.takeOut(e)
	s.pump()
	s.mu.Unlock()
	s.endCanceled(context.Background(), []*entry{e}, func(*entry) jobs.AuditEntry { return c.audit }, func(_ *entry, err error) {
		s.cfg.Log.Error("a job is not canceled", "seq", e.seq, "error", err)
		e.unwish()
	})
}

// endCanceled stores the end of jobs that were taken out. Those for which that
// fails are put back, and fail hears why.
func (s *Scheduler) endCanceled(ctx context.Context, list []*entry, audit func(*entry) jobs.AuditEntry, fail func(*entry, error)) {
	for len(list) > 0 {
		var batch []*entry
		var endings []jobs.Ending
		for bytes := 0; len(list) > 0 && bytes < cancelBytes; list = list[1:] {
			e := list[0]
			ending, err := s.canceled(ctx, e, audit(e))
			if err != nil {
				s.failedToCancel(e, err, fail)
				continue
			}
			bytes += len(ending.Payload)
			batch, endings = append(batch, e), append(endings, ending)
		}
		if len(batch) == 0 {
			continue
		}
		if err := s.cfg.Ledger.End(ctx, endings...); err != nil {
			for _, e := range batch {
				s.failedToCancel(e, fmt.Errorf("store that jobs are canceled: %w", err), fail)
			}
			continue
		}
		s.mu.Lock()
		for _, e := range batch {
			s.forget(e, s.cfg.Clock())
		}
		s.pump()
		s.mu.Unlock()
		for i := range endings {
			s.tellEnded(&endings[i].Job)
		}
	}
}

func (s *Scheduler) failedToCancel(e *entry, err error, fail func(*entry, error)) {
	s.mu.Lock()
	s.putIn(e)
	s.mu.Unlock()
	fail(e, err)
	go s.settle(e) // another operator may have asked meanwhile
}

// canceled is the end of a job that was taken out. A message that is lost is no
// reason to keep the job.
func (s *Scheduler) canceled(ctx context.Context, e *entry, audit jobs.AuditEntry) (end jobs.Ending, err error) {
	job, err := s.cfg.Ledger.JobBySeq(e.seq)
	if err != nil {
		return end, fmt.Errorf("read job %d: %w", e.seq, err)
	}
	s.mu.Lock()
	hot := e.hot
	s.mu.Unlock()
	switch {
	case job.StreamSeq == 0: // the ledger has it
	case hot != nil:
		end.Payload = hot.payload.Encode(nil)
	default:
		end.Payload, err = s.encodedPayload(ctx, &job)
	}
	if err != nil && !errors.Is(err, errLost) {
		return end, err
	}
	end.Job, end.Audit = cancelJob(job, s.cfg.Clock()), &audit
	return end, nil
}

func cancelJob(job jobs.Job, now time.Time) jobs.Job {
	job.State, job.FinishedAt, job.NextAttemptAt, job.Failure = jobs.Canceled, now, time.Time{}, nil
	return job
}

// endInHand ends an attempt, whatever came of it, whose job is to be canceled.
func (s *Scheduler) endInHand(ctx context.Context, e *entry, o jobs.Outcome, c *canceling) error {
	job := cancelJob(e.run.job, o.EndedAt)
	job.Objects = mergeObjects(job.Objects, o.Objects)
	ending := jobs.Ending{Steps: o.Steps, Payload: e.run.payload.Encode(nil), Audit: &c.audit}
	if o.Kind == jobs.OutcomeRetry { // it counts
		job.Attempts++
		ending.Attempt = attemptOf(&job, o)
	}
	ending.Job = job
	return s.store(ctx, e, ending)
}
