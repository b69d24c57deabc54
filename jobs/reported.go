package jobs

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// Reported is a failure as the errors topic tells it.
type Reported struct {
	JobID   string // empty in records of the Python dispatcher
	Type    string
	Failure Failure
	At      time.Time // when it failed; else when that was reported
	Message Envelope  // the original one: key, headers, value
	Lost    string    // why the original message cannot be had; empty if it is here
	Record  string    // names the record, if there is no job id
}

// ReplayID is the id of the job that carries the message out again: always the
// same for one failure, however often it was reported.
func (r *Reported) ReplayID() string {
	name := r.JobID + "\x00" + r.At.UTC().Format(time.RFC3339Nano)
	if r.JobID == "" {
		name = r.Record
	}
	sum := sha256.Sum256([]byte(name))
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(r.At)) // fails in the year 10889
	_ = id.SetEntropy(sum[:10])          // its size is right
	return ReplayPrefix + id.String()
}

// ReportedFilter chooses failures as [Filter] does jobs.
type ReportedFilter struct {
	Types  []string  `json:"types,omitempty"`
	Codes  []Code    `json:"codes,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Search string    `json:"search,omitempty"`
}

// Match reports whether the filter chooses a failure.
func (f *ReportedFilter) Match(r *Reported) bool {
	text := strings.ToLower(f.Search)
	return anyOf(f.Types, r.Type) && anyOf(f.Codes, r.Failure.Code) && !r.At.Before(f.Since) &&
		slices.ContainsFunc([]string{r.JobID, KeyText(r.Message.Key), r.Failure.Message}, func(s string) bool {
			return strings.Contains(strings.ToLower(s), text)
		})
}
