package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"dispatcher/jobs/control"
)

func retryCommand() *cli.Command {
	return &cli.Command{
		Name:      "retry",
		Usage:     "carry out failed or canceled jobs again, from the step that failed",
		ArgsUsage: "[ID…]",
		Flags: append(filterFlags(),
			&cli.BoolFlag{Name: "all", Usage: "all failed and canceled jobs"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only count and show a sample"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
			&cli.BoolFlag{Name: "force", Usage: "even if a newer job of the same key has succeeded since"},
			&cli.BoolFlag{Name: "from-start", Usage: "forget the steps that are done"},
			&cli.StringFlag{Name: "reason", Usage: "`TEXT` for the audit"},
			&cli.BoolFlag{Name: "json", Usage: "one JSON object"},
		),
		Action: func(c *cli.Context) error {
			query, err := readRetry(c)
			if err != nil {
				return err
			}
			return withBackend(c, func(ctx context.Context, b control.Backend) error {
				return retryJobs(ctx, c, b, query)
			})
		},
	}
}

// readRetry reads what is to be retried: ids, a filter, or everything.
func readRetry(c *cli.Context) (q control.RetryQuery, err error) {
	filter, empty, err := readFilter(c, time.Now())
	q = control.RetryQuery{
		IDs: c.Args().Slice(), Filter: filter, All: c.Bool("all"), DryRun: c.Bool("dry-run"),
		Force: c.Bool("force"), FromStart: c.Bool("from-start"), Operator: operatorName(), Reason: c.String("reason"),
	}
	switch {
	case err != nil:
		return q, err
	case len(q.IDs) == 0 && empty && !q.All:
		return q, usagef("jobs retry: names no job; give ids, a filter such as --code no_match, or --all")
	case len(q.IDs) > 0 && (!empty || q.All):
		return q, usagef("jobs retry: ids and a filter at once; give one of them")
	}
	return q, nil
}

func retryJobs(ctx context.Context, c *cli.Context, b control.Backend, q control.RetryQuery) error {
	if len(q.IDs) != 1 && !q.DryRun && !c.Bool("yes") {
		if err := confirmRetry(ctx, c, b, q); err != nil {
			return err
		}
	}
	done, err := b.Retry(ctx, q)
	if control.IsNoJob(err) {
		return &exitError{code: exitNoJob, err: err}
	}
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = writeJSON(c.App.Writer, done)
	} else {
		printChanged(envOf(c), &done, q.DryRun)
	}
	if err == nil && done.Matched == 0 {
		return &exitError{code: exitNoJob}
	}
	return err
}

// confirmRetry shows what would be done and asks.
func confirmRetry(ctx context.Context, c *cli.Context, b control.Backend, q control.RetryQuery) error {
	q.DryRun = true
	would, err := b.Retry(ctx, q)
	if err != nil {
		return err
	}
	if n := would.Matched - len(would.Skipped); n <= 1 {
		return nil
	}
	env := envOf(c)
	printChanged(env, &would, true)
	return confirm(env, fmt.Sprintf("Retry %d jobs?", would.Matched-len(would.Skipped)))
}

func printChanged(env Env, done *control.Changed, dry bool) {
	switch {
	case done.Matched == 0:
		fmt.Fprintln(env.Stderr, "no job matches")
	case dry:
		fmt.Fprintf(env.Stdout, "%d jobs match, %d would be retried\n", done.Matched, done.Matched-len(done.Skipped))
	default:
		fmt.Fprintf(env.Stdout, "%d of %d jobs are queued again\n", done.Changed, done.Matched)
	}
	for _, job := range done.Sample {
		fmt.Fprintf(env.Stdout, "  %s %s %s\n", job.ID, job.Type, detail(&job, time.Now()))
	}
	for i, s := range done.Skipped {
		if i == 10 {
			fmt.Fprintf(env.Stdout, "  … and %d more left as they are\n", len(done.Skipped)-i)
			break
		}
		fmt.Fprintf(env.Stdout, "  %s left as it is: %s\n", s.ID, s.Why)
	}
}

// confirm asks a question on a terminal; without one it demands --yes.
func confirm(env Env, question string) error {
	if !env.StdinTerminal {
		return usagef("%s Not asked, because this is no terminal; say --yes", strings.TrimSuffix(question, "?")+"?")
	}
	fmt.Fprintf(env.Stderr, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(env.Stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return &exitError{code: exitFailed, err: fmt.Errorf("nothing was changed")}
}
