package workers

import (
	"context"
	"errors"

	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// errShutdown is why attempts are cancelled when the process ends, and
// errRevoked when another process may be active.
var (
	errShutdown = errors.New("the process is ending")
	errRevoked  = errors.New("the job is not this process's any more")
	// errMayLand is why an attempt ends that would create what an earlier one,
	// which got no answer, may still create.
	errMayLand = errors.New("an earlier write may still have its effect")
)

// outcome turns how a workflow ended into what is reported. An answer that
// decides wins over the end of the process, that over everything else.
func (r *Run) outcome(ctx context.Context, err error) jobs.Outcome {
	o := jobs.Outcome{
		Objects: r.objects, Unanswered: r.unanswered, Steps: r.pending, Note: r.note,
		StartedAt: r.flushedAt, EndedAt: r.clock(),
	}
	if o.Kind = jobs.OutcomeSucceeded; err != nil {
		r.unsuccessful(ctx, err, &o)
	}
	if r.writing || o.Kind == jobs.OutcomeSucceeded || o.Kind == jobs.OutcomeFailed {
		o.Steps = append(r.resolved, r.pending...)
	}
	return o
}

// unsuccessful says in o what an error means.
func (r *Run) unsuccessful(ctx context.Context, err error, o *jobs.Outcome) {
	var failure *jobs.Failure
	var hold *jobs.HoldError
	var transient *jobs.TransientError
	switch {
	case errors.Is(err, jobs.ErrLocked):
		o.Kind, o.Wanted = jobs.OutcomeLocked, r.wanted
	case errors.Is(err, errMayLand):
		o.Kind, o.NotBefore = jobs.OutcomeReturned, r.LandsBy
	case errors.As(err, &failure):
		o.Kind, o.Failure = jobs.OutcomeFailed, failure
	case ctx.Err() != nil, errors.Is(err, jobs.ErrCanceled), errors.Is(err, jobs.ErrLapsed):
		o.Kind = jobs.OutcomeReturned
	case errors.As(err, &hold):
		o.Kind, o.Reason = jobs.OutcomeHeld, hold.Reason
	case errors.As(err, &transient):
		o.Kind, o.RetryAfter = jobs.OutcomeRetry, transient.RetryAfter
		o.Failure = retryFailure(err, transient.HTTPStatus)
	default:
		o.Kind, o.Failure = jobs.OutcomeRetry, retryFailure(err, 0)
	}
}

// retryFailure words an attempt that may succeed the next time.
func retryFailure(err error, status int) *jobs.Failure {
	code := jobs.CodeRejected
	if errors.Is(err, ciso.ErrGone) {
		code = jobs.CodeNoMatch
	}
	return &jobs.Failure{Class: jobs.ClassExhausted, Code: code, Message: err.Error(), HTTPStatus: status}
}
