package cli

import (
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
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
	values := make(map[string][]string)
	for _, name := range control.FilterNames() {
		switch name {
		case control.FilterSince, control.FilterUntil, control.FilterSearch:
			values[name] = []string{c.String(name)}
		default:
			values[name] = c.StringSlice(name)
		}
	}
	if f, err = control.ReadFilter(values, now); err != nil {
		return f, false, usagef("--%s", err)
	}
	return f, !slices.ContainsFunc(control.FilterNames(), c.IsSet), nil
}
