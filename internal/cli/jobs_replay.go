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
		Flags: append(signedFlags(),
			&cli.BoolFlag{Name: "from-errors", Usage: "read the errors topic (required)"},
			&cli.StringSliceFlag{Name: "type", Usage: "message `TYPE`; repeatable"},
			&cli.StringSliceFlag{Name: "code", Usage: "failure `CODE` such as no_match; repeatable"},
			&cli.StringFlag{Name: "since", Usage: "failed after `WHEN`: a duration (24h, 7d) or a time (2026-11-24T10:00:00Z)"},
			&cli.StringFlag{Name: "search", Usage: "`TEXT` in id, key or error"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only count and show a sample"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
			&cli.BoolFlag{Name: "json", Usage: "one JSON object"},
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
