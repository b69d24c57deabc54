package cli

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
)

func replayCommand() *cli.Command {
	return &cli.Command{
		Name:  "replay",
		Usage: "make jobs again of the messages on the errors topic, each record once",
		Flags: append(alterationFlags(),
			&cli.BoolFlag{Name: "from-errors", Usage: "read the errors topic (required)"},
			&cli.StringFlag{Name: "since", Usage: "failed after `WHEN`: a duration (24h, 7d) or a time (2026-11-24T10:00:00Z)"},
			typeFlag(), codeFlag(), searchFlag(),
		),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			if !c.Bool("from-errors") {
				return usagef("jobs replay: from where? say --from-errors, which reads the errors topic")
			}
			f, _, err := readFilter(c, time.Now())
			if err != nil {
				return err
			}
			query := control.ReplayQuery{
				Filter: jobs.ReportedFilter{Types: f.Types, Codes: f.Codes, Since: f.Since, Search: f.Search}, Signed: signed(c),
			}
			return withBackend(c, func(ctx context.Context, b control.Backend) error {
				a := alteration{verb: "replay", done: "made jobs again", dry: c.Bool("dry-run")}
				a.do = func(ctx context.Context, dry bool, told control.Progress) (control.Changed, error) {
					query.DryRun = dry
					return b.Replay(ctx, query, told)
				}
				return a.run(ctx, c)
			})
		},
	}
}
