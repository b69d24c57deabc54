package ingest

import (
	"context"
	"errors"
	"fmt"

	"dispatcher/jobs"
)

// watch looks at the topic from time to time: partitions that were added, and
// what else look finds. It returns when something has changed, or with ctx.
func (s *session) watch(ctx context.Context, look func(context.Context, []int32) error) error {
	for pause(ctx, s.cfg.LookEvery) {
		ids, err := s.log.partitions(ctx, s.cfg.Topic)
		if errors.Is(err, errMissing) {
			return fmt.Errorf("topic %s was deleted", s.cfg.Topic)
		}
		if err != nil {
			continue // the membership itself will tell
		}
		if len(ids) != len(s.partitions) {
			return fmt.Errorf("%w: it has %d partitions now", errReassign, len(ids))
		}
		if err := look(ctx, ids); err != nil {
			return err
		}
	}
	return nil
}

// sameLogs reports a log that was recreated or cut. What was read is looked up
// before the bounds are: it may be more already when they come.
func (s *session) sameLogs(ctx context.Context, ids []int32) error {
	var states []jobs.PartitionState
	for _, id := range ids {
		if state, known := s.cfg.Ledger.Partition(jobs.Partition{Topic: s.cfg.Topic, ID: id}); known {
			states = append(states, state)
		}
	}
	bounds, err := s.log.bounds(ctx, s.cfg.Topic, ids)
	if err != nil {
		return nil // the membership itself will tell
	}
	s.status.setEnds(s.cfg.Topic, bounds)
	for _, state := range states {
		if err := s.sameLog(ctx, state, bounds[state.ID]); err != nil {
			return err
		}
	}
	return nil
}

// sameLog reports a log that is not the one that was read up to state.
func (s *session) sameLog(ctx context.Context, state jobs.PartitionState, b [2]int64) error {
	p := state.Partition
	if state.Cursor > b[1] {
		return fmt.Errorf("%w: %s ends at %d, before what was read", errReassign, p, b[1])
	}
	if now, _ := s.cfg.Ledger.Partition(p); now.Cursor < b[0] {
		return fmt.Errorf("%w: %s begins at %d, behind what was read", errReassign, p, b[0])
	}
	mark, err := s.log.mark(ctx, p, state.Last, b[0], b[1])
	if err == nil && mark == markDifferent {
		return fmt.Errorf("%w: %s holds other records than were read", errReassign, p)
	}
	return nil
}

// provenSame returns nil if the log still holds the last record that was taken
// from it; [errReassign] if that cannot be told, or is not so.
func (s *session) provenSame(ctx context.Context, p jobs.Partition) error {
	state, known := s.cfg.Ledger.Partition(p)
	if !known {
		return fmt.Errorf("%w: %s was never read", errReassign, p)
	}
	bounds, err := s.log.bounds(ctx, p.Topic, []int32{p.ID})
	if err != nil {
		return err
	}
	if err := s.sameLog(ctx, state, bounds[p.ID]); err != nil {
		return err
	}
	if state.Last == nil && state.Cursor == 0 {
		return nil // every log begins like this
	}
	mark, err := s.log.mark(ctx, p, state.Last, bounds[p.ID][0], bounds[p.ID][1])
	if err == nil && mark != markSame {
		err = fmt.Errorf("%w: %s holds nothing that was read before", errReassign, p)
	}
	return err
}
