package schedule

import (
	"context"
	"errors"
	"fmt"

	"dispatcher/jobs"
)

// Origin is where messages came from. It still has those that JOBS lost, until
// they expire there.
type Origin interface {
	// Again reads the message of a source once more; ok is false if it is not
	// there any more.
	Again(ctx context.Context, source jobs.Source) (e jobs.Envelope, ok bool, err error)
}

// errLost says that a message is neither in JOBS nor where it came from.
var errLost = errors.New("JOBS is damaged and Kafka does not hold the message any more; send it again")

// readsFatal is how often a message must be found lost before its job fails: an
// embedded store that is being restarted finds nothing either.
const readsFatal = 3

// fromJOBS reads a job's message from JOBS, or what is damaged there from its
// origin, and checks that it is this job's: a place alone is never believed.
func (s *Scheduler) fromJOBS(ctx context.Context, streamSeq uint64, job *jobs.Job) (jobs.Envelope, error) {
	env, err := s.cfg.Payloads.Get(ctx, streamSeq)
	if err == nil && !env.Carries(job) {
		err = fmt.Errorf("JOBS %d holds the message of %s: %w", streamSeq, env.ID(), jobs.ErrDamaged)
	}
	if err == nil {
		return env, nil
	}
	err = fmt.Errorf("read the message of %s: %w", job.ID, err)
	if !errors.Is(err, jobs.ErrNoPayload) && !errors.Is(err, jobs.ErrDamaged) {
		return env, err
	}
	return s.mend(ctx, job, err)
}

func (s *Scheduler) mend(ctx context.Context, job *jobs.Job, damage error) (jobs.Envelope, error) {
	if job.Submitted || s.cfg.Origin == nil {
		return jobs.Envelope{}, fmt.Errorf("%w: %w", errLost, damage)
	}
	env, ok, err := s.cfg.Origin.Again(ctx, job.Source)
	if err != nil {
		return env, fmt.Errorf("%w; read it from Kafka again: %w", damage, err)
	}
	if !ok {
		return env, fmt.Errorf("%w: %w", errLost, damage)
	}
	env.Replay = job.Replay
	s.cfg.Log.Warn("JOBS is damaged: a message was read from Kafka again", "job", job.ID, "error", damage)
	return env, nil
}

// noMaterial gives a job back whose record or payload cannot be read: with
// backoff, because the reason may pass, and loudly, because it may not. A
// message that is lost for good fails its job.
func (s *Scheduler) noMaterial(ctx context.Context, e *entry, err error) error {
	if errors.Is(err, errLost) && ctx.Err() == nil {
		if e.lost++; e.lost >= readsFatal {
			return s.failLost(ctx, e)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		s.giveBack(e)
		s.pump()
		return ctx.Err()
	}
	s.cfg.Log.Error("job cannot be read, it is tried again", "seq", e.seq, "error", err)
	e.due = s.cfg.Clock().Add(s.cfg.BackoffCap / 10).UnixNano()
	s.leaveHand(e)
	s.backOff(e)
	s.pump()
	return errNotRunnable
}

// failLost ends a job whose message is gone; it is reported with what the
// ledger knows of it.
func (s *Scheduler) failLost(ctx context.Context, e *entry) error {
	job, err := s.cfg.Ledger.JobBySeq(e.seq)
	if err != nil {
		return fmt.Errorf("read job %d: %w", e.seq, err)
	}
	s.mu.Lock()
	e.run.hot, e.phase = &hot{job: job, payload: job.Shell()}, ending
	s.mu.Unlock()
	now := s.cfg.Clock()
	failure := jobs.Fail(jobs.CodeInvalidMessage, "the message is lost: %s", errLost)
	if err := s.end(ctx, e, jobs.Outcome{Kind: jobs.OutcomeFailed, Failure: failure, StartedAt: now, EndedAt: now}); err != nil {
		return err
	}
	return errNotRunnable
}
