package schedule

import (
	"context"
	"fmt"
	"time"

	"dispatcher/jobs"
)

// repeatPause is how often a job looks after another one of its idempotency key.
const repeatPause = time.Second

// repeats deals with a claimed job whose message has the idempotency key of
// another one: it succeeds if that one has, waits while that one is unfinished,
// and is carried out itself (false) if that one failed or there is none.
func (s *Scheduler) repeats(ctx context.Context, e *entry, h *hot) (done bool, err error) {
	if h.job.Idempotent == "" {
		return false, nil
	}
	owner, err := s.cfg.Ledger.OwnKey(ctx, h.job.Idempotent, e.seq)
	if err != nil || owner == e.seq {
		return false, s.keyTrouble(e, err)
	}
	first, err := s.cfg.Ledger.JobBySeq(owner)
	if err != nil {
		return false, s.keyTrouble(e, err)
	}
	if !first.State.Ended() {
		s.mu.Lock()
		defer s.mu.Unlock()
		e.due = s.cfg.Clock().Add(repeatPause).UnixNano()
		s.leaveHand(e)
		s.backOff(e)
		s.pump()
		return true, nil
	}
	now := s.cfg.Clock()
	s.mu.Lock()
	e.run.hot, e.phase = h, ending
	s.mu.Unlock()
	return true, s.end(ctx, e, jobs.Outcome{
		Kind: jobs.OutcomeSucceeded, StartedAt: now, EndedAt: now,
		Note: fmt.Sprintf("the message has the idempotency key of %s, which %s", first.ID, first.State),
	})
}

// keyTrouble gives a job back whose key cannot be looked up.
func (s *Scheduler) keyTrouble(e *entry, err error) error {
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.giveBack(e)
	return fmt.Errorf("look up the idempotency key of job %d: %w", e.seq, err)
}
