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

// eachPage calls fn with the pages of a list, up to limit jobs (0: all).
func eachPage(ctx context.Context, b control.Backend, q control.ListQuery, limit int, fn func([]control.Job) error) (more bool, err error) {
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
	}
	return true, nil
}

func listJSON(ctx context.Context, c *cli.Context, b control.Backend, q control.ListQuery) error {
	out := json.NewEncoder(c.App.Writer)
	out.SetEscapeHTML(false)
	_, err := eachPage(ctx, b, q, c.Int("limit"), func(page []control.Job) error {
		for _, job := range page {
			if err := out.Encode(job); err != nil {
				return fmt.Errorf("write list: %w", err)
			}
		}
		return nil
	})
	return err
}

func listTable(ctx context.Context, c *cli.Context, b control.Backend, q control.ListQuery) error {
	env, now, n := envOf(c), time.Now(), 0
	t := newTable(env, "ID", "TYPE", "STATE", "TRIES", "RECEIVED", "DETAIL")
	more, err := eachPage(ctx, b, q, c.Int("limit"), func(page []control.Job) error {
		for i := range page {
			job := &page[i]
			t.AppendRow(table.Row{job.ID, oneCell(job.Type), paint(env, job.State), job.Attempts, ago(job.ReceivedAt, now), detail(job, now)})
			n++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintln(env.Stderr, "no job matches")
		return nil
	}
	t.Render()
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
