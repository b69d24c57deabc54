package control

import (
	"encoding/json"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/schedule"
)

// Job is the JSON of a job in lists; absent means empty.
type Job struct {
	ID            string        `json:"id"`
	State         jobs.State    `json:"state"`
	Type          string        `json:"type,omitempty"`
	Key           string        `json:"key,omitempty"`
	Source        *jobs.Source  `json:"source,omitempty"`
	ReceivedAt    time.Time     `json:"received_at,omitzero"`
	StartedAt     time.Time     `json:"started_at,omitzero"`
	FinishedAt    time.Time     `json:"finished_at,omitzero"`
	NextAttemptAt time.Time     `json:"next_attempt_at,omitzero"`
	Attempts      int           `json:"attempts"`
	Error         *jobs.Failure `json:"error,omitempty"`
	Waiting       *Waiting      `json:"waiting,omitempty"`
	Worker        string        `json:"worker,omitempty"`
	Objects       []string      `json:"objects,omitempty"`
	Note          string        `json:"note,omitempty"`

	Message json.RawMessage `json:"message,omitempty"` // with --payload
}

// Waiting is why an unfinished job does not run.
type Waiting struct {
	Reason jobs.Reason `json:"reason"`
	Behind string      `json:"behind,omitempty"` // id of the job it waits for
}

// Detail is the JSON of one job with all that is known of it.
type Detail struct {
	Job
	Steps      []jobs.Step       `json:"steps,omitempty"`
	AttemptLog []jobs.Attempt    `json:"attempt_log,omitempty"`
	Audit      []jobs.AuditEntry `json:"audit,omitempty"`
}

// Stats is the JSON of `jobs stats`.
type Stats struct {
	Role             string              `json:"role"` // active, standby or offline
	States           map[string]int      `json:"states"`
	Codes            map[string]int      `json:"codes,omitempty"`
	OldestUnfinished time.Time           `json:"oldest_unfinished_at,omitzero"`
	Rate             map[string]float64  `json:"rate"`
	Holds            []jobs.Hold         `json:"holds,omitempty"`
	Ingest           []Ingest            `json:"ingest,omitempty"`
	Workers          []Worker            `json:"workers,omitempty"`
	Waiting          map[jobs.Reason]int `json:"waiting,omitempty"` // jobs that nothing but a worker is missing for
	ErrorsPending    int                 `json:"errors_pending"`
	ResultsPending   int                 `json:"results_pending,omitempty"`
}

// Ingest is how far one Kafka partition has been read.
type Ingest struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Cursor    int64  `json:"cursor"`
	Lag       int64  `json:"lag"`
	Committed int64  `json:"committed"`
}

// Worker is a worker process and the number of jobs it runs.
type Worker struct {
	Name    string `json:"name"`
	Running int    `json:"running"`

	Concurrency int       `json:"concurrency,omitempty"` // of a worker on another host
	Credential  string    `json:"credential,omitempty"`  // that it came with
	LastSeen    time.Time `json:"last_seen_at,omitzero"` // it was heard of
}

// view renders a record. All times are UTC.
func view(job *jobs.Job) Job {
	v := Job{
		ID:            job.ID,
		State:         job.State,
		Type:          job.Type,
		Key:           job.Key,
		ReceivedAt:    job.ReceivedAt.UTC(),
		StartedAt:     utc(job.StartedAt),
		FinishedAt:    utc(job.FinishedAt),
		NextAttemptAt: utc(job.NextAttemptAt),
		Attempts:      job.Attempts,
		Error:         job.Failure,
		Worker:        job.Worker,
		Objects:       job.Objects,
		Note:          job.Note,
	}
	if !job.Submitted {
		source := job.Source
		source.Timestamp = utc(source.Timestamp)
		v.Source = &source
	}
	if job.State == jobs.Running { // only the scheduler says that a job runs
		v.State = jobs.Queued
	}
	return v
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

// explain adds what only the scheduler knows of an unfinished job.
func (v *Job) explain(w schedule.Waiting, behind string) {
	if w.Running {
		v.State, v.NextAttemptAt = jobs.Running, time.Time{}
		if w.Worker != "" {
			v.Worker = w.Worker
		}
		return
	}
	if w.Reason != "" {
		v.Waiting = &Waiting{Reason: w.Reason, Behind: behind}
	}
}
