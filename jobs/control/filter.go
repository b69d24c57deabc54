package control

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dispatcher/jobs"
)

// Names of the parts of a filter, as flags and addresses spell them.
const (
	FilterState  = "state"
	FilterType   = "type"
	FilterCode   = "code"
	FilterKey    = "key"
	FilterWorker = "worker"
	FilterSince  = "since"
	FilterUntil  = "until"
	FilterSearch = "search"
)

// FilterNames returns the names of all parts.
func FilterNames() []string {
	return []string{FilterState, FilterType, FilterCode, FilterKey, FilterWorker, FilterSince, FilterUntil, FilterSearch}
}

// ReadFilter reads a filter as people write it: values by name, those of since,
// until and search at most one. An error begins with the name of the part.
func ReadFilter(values map[string][]string, now time.Time) (f jobs.Filter, err error) {
	for _, name := range values[FilterState] {
		state, err := jobs.ParseState(name)
		if err != nil {
			return f, fmt.Errorf("%s: %w", FilterState, err)
		}
		f.States = append(f.States, state)
	}
	for _, name := range values[FilterType] {
		if err := KnownType(name); err != nil {
			return f, err
		}
		f.Types = append(f.Types, name)
	}
	for _, name := range values[FilterCode] {
		if !slices.Contains(jobs.Codes(), jobs.Code(name)) {
			return f, fmt.Errorf("%s %q: no such code; one of %s", FilterCode, name, joinCodes())
		}
		f.Codes = append(f.Codes, jobs.Code(name))
	}
	f.Keys, f.Workers, f.Search = values[FilterKey], values[FilterWorker], first(values[FilterSearch])
	if f.Since, err = readTime(FilterSince, first(values[FilterSince]), now); err != nil {
		return f, err
	}
	f.Until, err = readTime(FilterUntil, first(values[FilterUntil]), now)
	return f, err
}

// KnownType returns an error unless name is a message type.
func KnownType(name string) error {
	if !slices.Contains(jobs.Types(), name) {
		return fmt.Errorf("%s %q: no such message type; one of %s", FilterType, name, strings.Join(jobs.Types(), ", "))
	}
	return nil
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func joinCodes() string {
	names := make([]string, len(jobs.Codes()))
	for i, code := range jobs.Codes() {
		names[i] = string(code)
	}
	return strings.Join(names, ", ")
}

// readTime reads a point in time, or a duration before now.
func readTime(name, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := parseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s %q: neither a duration nor a time; write 90m, 24h, 7d or 2026-11-24T10:00:00Z", name, text)
}

// parseDuration reads a Go duration or a number of days.
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		if _, err := fmt.Sscanf(days, "%d", &n); err == nil && fmt.Sprint(n) == days && n >= 0 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		return 0, fmt.Errorf("%s is negative", text)
	}
	return d, err
}
