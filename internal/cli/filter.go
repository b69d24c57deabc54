package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"dispatcher/jobs"
)

// filterFlags choose jobs, for list and for retry.
func filterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "state", Usage: "`STATE`: queued, running, retrying, succeeded, failed, canceled or released; repeatable, any of them"},
		typeFlag(), codeFlag(),
		&cli.StringSliceFlag{Name: "key", Usage: "ordering `KEY`; repeatable"},
		&cli.StringSliceFlag{Name: "worker", Usage: "worker `NAME`, host/pid; repeatable"},
		&cli.StringFlag{Name: "since", Usage: "received after `WHEN`: a duration (24h, 7d) or a time (2026-11-24T10:00:00Z)"},
		&cli.StringFlag{Name: "until", Usage: "received before `WHEN`"},
		searchFlag(),
	}
}

func typeFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "type", Usage: "message `TYPE`; repeatable"}
}

func codeFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "code", Usage: "failure `CODE` such as no_match; repeatable"}
}

func searchFlag() cli.Flag {
	return &cli.StringFlag{Name: "search", Usage: "`TEXT` in id, key or error"}
}

// readFilter builds the filter that the flags describe; empty is true if none
// was given.
func readFilter(c *cli.Context, now time.Time) (f jobs.Filter, empty bool, err error) {
	for _, name := range c.StringSlice("state") {
		state, err := jobs.ParseState(name)
		if err != nil {
			return f, false, usagef("--state: %s", err)
		}
		f.States = append(f.States, state)
	}
	for _, name := range c.StringSlice("type") {
		if err := knownType(name); err != nil {
			return f, false, err
		}
		f.Types = append(f.Types, name)
	}
	for _, name := range c.StringSlice("code") {
		if !slices.Contains(jobs.Codes(), jobs.Code(name)) {
			return f, false, usagef("--code %q: no such code; one of %s", name, joinCodes())
		}
		f.Codes = append(f.Codes, jobs.Code(name))
	}
	f.Keys, f.Workers, f.Search = c.StringSlice("key"), c.StringSlice("worker"), c.String("search")
	if f.Since, err = readTime("since", c.String("since"), now); err != nil {
		return f, false, err
	}
	if f.Until, err = readTime("until", c.String("until"), now); err != nil {
		return f, false, err
	}
	return f, !anySet(c, "state", "type", "code", "key", "worker", "since", "until", "search"), nil
}

func anySet(c *cli.Context, names ...string) bool {
	return slices.ContainsFunc(names, c.IsSet)
}

func joinCodes() string {
	names := make([]string, len(jobs.Codes()))
	for i, code := range jobs.Codes() {
		names[i] = string(code)
	}
	return strings.Join(names, ", ")
}

// readTime reads a point in time, or a duration before now.
func readTime(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := parseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--%s %q: neither a duration nor a time; write 90m, 24h, 7d or 2026-11-24T10:00:00Z", flag, text)
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
