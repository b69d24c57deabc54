package schedule

import (
	"context"
	"fmt"

	"dispatcher/jobs"
)

// blame counts an unclean end against the jobs that were in hand, quarantines
// what they may have been writing, and fails those that were there too often.
func (s *Scheduler) blame(ctx context.Context, inHand []marked) error {
	until := s.cfg.Clock().Add(s.cfg.Quarantine)
	var quarantine []jobs.Quarantined
	blamed := make(map[uint64]bool) // once for one end, whatever the file says
	for _, m := range inHand {
		job, err := s.cfg.Ledger.JobBySeq(m.seq)
		if err != nil || job.State.Ended() {
			continue // its outcome was stored, or its record has expired
		}
		for _, name := range m.objects {
			quarantine = append(quarantine, jobs.Quarantined{Object: name, Seq: m.seq, Until: until})
		}
		if blamed[m.seq] {
			continue
		}
		blamed[m.seq] = true
		if err := s.blameOne(ctx, job); err != nil {
			return err
		}
	}
	if len(quarantine) > 0 && s.cfg.Quarantine > 0 {
		if err := s.cfg.Ledger.SetQuarantine(ctx, quarantine, nil); err != nil {
			return fmt.Errorf("quarantine objects of interrupted jobs: %w", err)
		}
	}
	s.slots.reset(inHand)
	return nil
}

func (s *Scheduler) blameOne(ctx context.Context, job jobs.Job) error {
	now := s.cfg.Clock()
	job.Crashes++
	attempt := &jobs.Attempt{N: job.Attempts, StartedAt: now, Message: "the process ended while this job was in hand"}
	if job.Crashes < crashesFatal {
		if job.State == jobs.Running {
			job.State = jobs.Queued
		}
		if err := s.cfg.Ledger.Update(ctx, job, attempt, nil, nil); err != nil {
			return fmt.Errorf("record unclean end of %s: %w", job.ID, err)
		}
		return nil
	}
	job.State, job.FinishedAt = jobs.Failed, now
	job.Failure = jobs.Fail(jobs.CodeCrashed, "the process ended unclean %d times while carrying out this job; look at its message and the logs of those times, then retry it", job.Crashes)
	attempt.Code, attempt.Message = jobs.CodeCrashed, job.Failure.Message
	payload, err := s.encodedPayload(ctx, &job)
	if err != nil { // no reason not to start: it is reported without its message
		s.cfg.Log.Error("the message of a failed job cannot be kept", "job", job.ID, "error", err)
	}
	if err := s.cfg.Ledger.End(ctx, jobs.Ending{Job: job, Attempt: attempt, Payload: payload}); err != nil {
		return fmt.Errorf("record failure of %s: %w", job.ID, err)
	}
	s.tellEnded(&job)
	return nil
}

// encodedPayload reads a job's payload for the ledger to keep.
func (s *Scheduler) encodedPayload(ctx context.Context, job *jobs.Job) ([]byte, error) {
	if job.StreamSeq == 0 {
		return nil, nil // the ledger has it
	}
	env, err := s.fromJOBS(ctx, job.StreamSeq, job)
	if err != nil {
		return nil, err
	}
	return env.Encode(nil), nil
}
