package jobs

import (
	"slices"
	"strings"
	"time"
)

// Filter chooses jobs: all of its parts must match, and of a part any value.
// The zero Filter matches every job.
type Filter struct {
	States  []State   `json:"states,omitempty"`
	Types   []string  `json:"types,omitempty"`
	Codes   []Code    `json:"codes,omitempty"`
	Keys    []string  `json:"keys,omitempty"`
	Workers []string  `json:"workers,omitempty"`
	Since   time.Time `json:"since,omitzero"` // received at or after
	Until   time.Time `json:"until,omitzero"` // received before
	Search  string    `json:"search,omitempty"`
}

// Match reports whether the filter chooses job.
func (f *Filter) Match(job *Job) bool {
	return anyOf(f.States, job.State) && anyOf(f.Types, job.Type) && anyOf(f.Keys, job.Key) &&
		anyOf(f.Workers, job.Worker) && f.matchCode(job) && f.matchTime(job) && f.matchText(job)
}

func anyOf[T comparable](wanted []T, value T) bool {
	return len(wanted) == 0 || slices.Contains(wanted, value)
}

func (f *Filter) matchCode(job *Job) bool {
	return len(f.Codes) == 0 || job.Failure != nil && slices.Contains(f.Codes, job.Failure.Code)
}

func (f *Filter) matchTime(job *Job) bool {
	return (f.Since.IsZero() || !job.ReceivedAt.Before(f.Since)) && (f.Until.IsZero() || job.ReceivedAt.Before(f.Until))
}

func (f *Filter) matchText(job *Job) bool {
	if f.Search == "" {
		return true
	}
	text := strings.ToLower(f.Search)
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	return has(job.ID) || has(job.Key) || job.Failure != nil && has(job.Failure.Message)
}
