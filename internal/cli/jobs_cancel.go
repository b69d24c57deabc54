package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"dispatcher/jobs/control"
)

func cancelCommand() *cli.Command {
	return &cli.Command{
		Name:      "cancel",
		Usage:     "end unfinished jobs; one that runs ends before its next step",
		ArgsUsage: "[ID…]",
		Flags:     changeFlags("all unfinished jobs"),
		Action: func(c *cli.Context) error {
			sel, err := readSelection(c)
			if err != nil {
				return err
			}
			return withBackend(c, func(ctx context.Context, b control.Backend) error {
				a := alteration{verb: "cancel", done: "canceled", lone: len(sel.IDs) == 1, dry: sel.DryRun}
				a.do = func(ctx context.Context, dry bool, told control.Progress) (control.Changed, error) {
					sel.DryRun = dry
					return b.Cancel(ctx, control.CancelQuery{Selection: sel}, told)
				}
				return a.run(ctx, c)
			})
		},
	}
}
