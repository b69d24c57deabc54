package control

import (
	"context"

	"dispatcher/jobs"
)

// Backend answers the commands of `dispatcher jobs`.
type Backend interface {
	Viewer
	Operator
}

// Viewer is the part of a backend that only looks.
type Viewer interface {
	List(ctx context.Context, q ListQuery) (ListPage, error)
	Show(ctx context.Context, q ShowQuery) (Detail, error)
	Stats(ctx context.Context) (Stats, error)
	Watch(ctx context.Context, q WatchQuery) (Changes, error)
}

// Operator is the part of a backend that changes something. Its answers come
// after the sync.
type Operator interface {
	Retry(ctx context.Context, q RetryQuery, told Progress) (Changed, error)
	Cancel(ctx context.Context, q CancelQuery, told Progress) (Changed, error)
	Pause(ctx context.Context, q PauseQuery) (Paused, error)
	Resume(ctx context.Context, q PauseQuery) (Paused, error)
	Submit(ctx context.Context, env jobs.Envelope) (Job, error)
	Replay(ctx context.Context, q ReplayQuery, told Progress) (Changed, error)
	Web(ctx context.Context, q WebQuery) (WebPass, error)
}

// Progress hears how far a change of many jobs is. It may be nil.
type Progress func(done, of int)

// ListQuery asks for a page of jobs, newest first.
type ListQuery struct {
	Filter  jobs.Filter `json:"filter"`
	Before  uint64      `json:"before,omitempty"` // [ListPage.Next] of the page before; 0: the first
	Limit   int         `json:"limit"`            // rows of the page, at most [MaxPage]
	Payload bool        `json:"payload,omitempty"`
}

// MaxPage bounds the rows of one page.
const MaxPage = 1000

// ListPage is a page of jobs.
type ListPage struct {
	Jobs []Job  `json:"jobs"`
	Next uint64 `json:"next,omitempty"` // 0: that was the last page
}

// ShowQuery asks for one job.
type ShowQuery struct {
	ID      string `json:"id"`
	Payload bool   `json:"payload,omitempty"`
}

// Selection chooses the jobs that a command changes: those with the ids, or
// those that the filter matches.
type Selection struct {
	IDs    []string    `json:"ids,omitempty"`
	Filter jobs.Filter `json:"filter"`
	DryRun bool        `json:"dry_run,omitempty"`
	Signed
}

// Signed is who does something and why, for the audit.
type Signed struct {
	Operator string `json:"operator"`
	Reason   string `json:"reason,omitempty"`
}

// RetryQuery asks that ended jobs are carried out again.
type RetryQuery struct {
	Selection
	Force     bool `json:"force,omitempty"`
	FromStart bool `json:"from_start,omitempty"`
}

// CancelQuery asks that unfinished jobs end.
type CancelQuery struct{ Selection }

// Changed tells what a command did.
type Changed struct {
	Matched int       `json:"matched"`
	Changed int       `json:"changed"`
	Skipped []Skipped `json:"skipped"`          // at most [MaxSkipped] are named
	Sample  []Job     `json:"sample,omitempty"` // of a dry run

}

// Skipped is a job that a command left as it is.
type Skipped struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}
