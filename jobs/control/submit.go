package control

import (
	"context"
	"errors"
	"fmt"

	"dispatcher/jobs"
)

// Submitter makes jobs of messages that do not come from Kafka.
type Submitter interface {
	Submit(ctx context.Context, envs []jobs.Envelope) error
}

// ErrNoRoom says that no more messages are taken in for now.
var ErrNoRoom = errors.New("as many jobs are unfinished as max_unfinished allows; ask again when some have ended, or raise it")

// Submit makes a job of a message, and returns it after the sync. The same
// message (by its id) twice is one job.
func (d *Desk) Submit(ctx context.Context, env jobs.Envelope) (Job, error) {
	if !env.ValidSubmission() {
		return Job{}, fmt.Errorf("%w: it names no job", errUnreadable)
	}
	if d.Submitter == nil {
		return Job{}, errors.New("jobs submit: not here")
	}
	if d.Scheduler.Room() <= 0 {
		return Job{}, ErrNoRoom
	}
	if err := d.Submitter.Submit(ctx, []jobs.Envelope{env}); err != nil {
		return Job{}, err
	}
	job, err := d.Ledger.Job(env.ID())
	if err != nil {
		return Job{}, err
	}
	return d.view(&job), nil
}
