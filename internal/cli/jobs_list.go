package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"dispatcher/jobs/control"
)

func listCommand() *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list jobs, newest first",
		Flags: append(filterFlags(),
			&cli.IntFlag{Name: "limit", Value: 50, Usage: "at most `N` jobs, 0 for all"},
			&cli.BoolFlag{Name: "payload", Usage: "with each message (JSON only)"},
			&cli.BoolFlag{Name: "json", Usage: "one JSON object per line"},
		),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			filter, _, err := readFilter(c, time.Now())
			if err != nil {
				return err
			}
			if c.Int("limit") < 0 {
				return usagef("--limit %d: not a number of jobs; 0 means all", c.Int("limit"))
			}
			query := control.ListQuery{Filter: filter, Payload: c.Bool("payload")}
			return withBackend(c, func(ctx context.Context, b control.Backend) error {
				if c.Bool("json") {
					return listJSON(ctx, c, b, query)
				}
				return listTable(ctx, c, b, query)
			})
		},
	}
}

// eachPage calls fn with the pages of a list, up to limit jobs (0: all). told
// hears how much of the history has been looked at; it may be nil.
func eachPage(ctx context.Context, b control.Backend, q control.ListQuery, limit int, told control.Progress, fn func([]control.Job) error) (more bool, err error) {
	newest := uint64(0)
	for left := limit; limit == 0 || left > 0; {
		q.Limit = control.MaxPage
		if limit > 0 {
			q.Limit = min(left, control.MaxPage)
		}
		page, err := b.List(ctx, q)
		if err != nil {
			return false, err
		}
		if err := fn(page.Jobs); err != nil {
			return false, err
		}
		left -= len(page.Jobs)
		if page.Next == 0 {
			return false, nil
		}
		q.Before = page.Next
		if newest = max(newest, page.Next); told != nil {
			told(int(newest-page.Next), int(newest))
		}
	}
	return true, nil
}

func listJSON(ctx context.Context, c *cli.Context, b control.Backend, q control.ListQuery) error {
	out := json.NewEncoder(c.App.Writer)
	out.SetEscapeHTML(false)
	bar := listBar(envOf(c))
	_, err := eachPage(ctx, b, q, c.Int("limit"), bar.told, func(page []control.Job) error {
		for _, job := range page {
			if err := out.Encode(job); err != nil {
				return fmt.Errorf("write list: %w", err)
			}
		}
		return nil
	})
	bar.end(err)
	return err
}

// listBar shows how far a long list is, unless its rows do: both on one
// terminal would be in each other's way.
func listBar(env Env) *bar {
	env.StderrTerminal = env.StderrTerminal && !env.StdoutTerminal
	return newBar(env, "list")
}

// listTable prints page by page, so that a long list neither waits nor is held in
// memory. The columns are as wide as those of the first page.
func listTable(ctx context.Context, c *cli.Context, b control.Backend, q control.ListQuery) error {
	env, now, n := envOf(c), time.Now(), 0
	bar := listBar(env)
	header := table.Row{"ID", "TYPE", "STATE", "TRIES", "RECEIVED", "DETAIL"}
	var widths []table.ColumnConfig
	more, err := eachPage(ctx, b, q, c.Int("limit"), bar.told, func(page []control.Job) error {
		t := newTable(env, header...)
		rows := make([]table.Row, len(page))
		for i := range page {
			job := &page[i]
			rows[i] = table.Row{job.ID, oneCell(job.Type), paint(env, job.State), job.Attempts, ago(job.ReceivedAt, now), detail(job, now)}
		}
		if widths == nil {
			widths = widthsOf(append(rows, header))
		} else {
			t.ResetHeaders()
		}
		t.SetColumnConfigs(widths)
		t.AppendRows(rows)
		if len(rows) > 0 {
			t.Render()
		}
		n += len(rows)
		return nil
	})
	bar.end(err)
	if err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintln(env.Stderr, "no job matches")
		return nil
	}
	if more {
		fmt.Fprintf(env.Stderr, "the newest %d; --limit 0 lists all\n", n)
	}
	return nil
}

// detail is what matters most about a job in one cell.
func detail(job *control.Job, now time.Time) string {
	switch {
	case job.Waiting != nil && job.Waiting.Behind != "":
		return "behind " + job.Waiting.Behind
	case job.Error != nil && !job.NextAttemptAt.IsZero():
		return "next " + ago(job.NextAttemptAt, now) + ": " + oneCell(job.Error.Message)
	case job.Error != nil:
		return string(job.Error.Code) + ": " + oneCell(job.Error.Message)
	case job.Waiting != nil:
		return "waits: " + string(job.Waiting.Reason)
	case job.Note != "":
		return oneCell(job.Note)
	case len(job.Objects) > 0:
		return fmt.Sprintf("%d object(s)", len(job.Objects))
	}
	return oneCell(job.Key)
}

func noArguments(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("%s %q: takes no argument; see --help", c.Command.HelpName, c.Args().First())
	}
	return nil
}
