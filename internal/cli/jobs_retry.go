package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"dispatcher/jobs/control"
)

func retryCommand() *cli.Command {
	return &cli.Command{
		Name:      "retry",
		Usage:     "carry out failed or canceled jobs again, from the step that failed",
		ArgsUsage: "[ID…]",
		Flags: append(changeFlags("all failed and canceled jobs"),
			&cli.BoolFlag{Name: "force", Usage: "even if a newer job of the same key has succeeded since"},
			&cli.BoolFlag{Name: "from-start", Usage: "forget the steps that are done"},
		),
		Action: func(c *cli.Context) error {
			sel, err := readSelection(c)
			if err != nil {
				return err
			}
			query := control.RetryQuery{Selection: sel, Force: c.Bool("force"), FromStart: c.Bool("from-start")}
			return withBackend(c, func(ctx context.Context, b control.Backend) error {
				a := alteration{verb: "retry", done: "queued again", lone: len(sel.IDs) == 1, dry: sel.DryRun}
				a.do = func(ctx context.Context, dry bool, told control.Progress) (control.Changed, error) {
					query.DryRun = dry
					return b.Retry(ctx, query, told)
				}
				return a.run(ctx, c)
			})
		},
	}
}
