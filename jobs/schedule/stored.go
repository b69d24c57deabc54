package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dispatcher/jobs"
)

// sayEvery is each how many tries it is said again that nothing is stored.
const sayEvery = 60 // one a second

// untilStored repeats a write to the store that fails, for as long as ctx lives:
// whoever waits behind it must not go on before it is stored. Meanwhile the store
// is on hold, for everybody to see.
func (s *Scheduler) untilStored(ctx context.Context, write func() error) error {
	for n := 0; ; n++ {
		err := write()
		if n > 0 && (err == nil || ctx.Err() != nil) {
			s.nothingStuck()
		}
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		s.sayStuck(n, err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// sayStuck notes that one more write is being repeated, the nth time.
func (s *Scheduler) sayStuck(n int, err error) {
	if n == 0 {
		s.stuck.Add(1)
	}
	s.SetHold(jobs.Hold{
		Reason: jobs.HoldStoreFull, Scope: ScopeAll, Message: fmt.Sprintf("the ledger cannot store what jobs in hand have done, they wait: %s", err),
	})
	if n%sayEvery == 0 {
		s.cfg.Log.Error("ledger does not store what a job has done, it is tried again", "error", err, "try", n+1)
	}
}

// nothingStuck ends the hold with the last write that was repeated.
func (s *Scheduler) nothingStuck() {
	if s.stuck.Add(-1) == 0 && s.ClearHold(jobs.HoldStoreFull, ScopeAll) {
		s.cfg.Log.Info("the ledger stores again what jobs have done")
	}
}
