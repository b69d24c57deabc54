package cli

import (
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"dispatcher/config"
	"dispatcher/internal/check"
	"dispatcher/jobs"
	"dispatcher/workers/attachment"
)

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:  "check",
		Usage: "ask every outside party whether a run could work with it; joins no group, writes nothing there",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "one JSON object"}},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			cfg, wrong := loadConfig(c, config.ForRun)
			parties := []check.Party{check.Config(cfg, wrong)}
			if wrong == nil {
				more, err := partiesOf(cfg)
				if err != nil {
					return err
				}
				parties = append(parties, more...)
			}
			rows, ok := check.Run(c.Context, parties, check.PartyTimeout)
			if !c.Bool("json") {
				printChecks(envOf(c), rows)
			} else if err := writeJSON(c.App.Writer, map[string]any{"ok": ok, "rows": rows}); err != nil {
				return err
			}
			if !ok {
				return &exitError{code: exitFailed} // the rows say it
			}
			return nil
		},
	}
}

// checkTimeout bounds one question: nobody waits half a minute for a terminal.
const checkTimeout = 8 * time.Second

// partiesOf returns everybody whom these settings name.
func partiesOf(cfg *config.Config) ([]check.Party, error) {
	cfg.API.Timeout = min(cfg.API.Timeout, checkTimeout)
	api, _, err := newAPI(cfg, slog.New(slog.DiscardHandler), nil, nil)
	if err != nil {
		return nil, err
	}
	s3, err := newS3(cfg, attachment.Spool{Dir: os.TempDir()}) // nothing is fetched
	if err != nil {
		return nil, err
	}
	types := cfg.Policy.AllowTypes
	if len(types) == 0 {
		types = jobs.Types()
	}
	given := slices.ContainsFunc(cfg.Sources, func(s config.Source) bool { return s.Key == "s3_url" })
	k := cfg.Kafka
	return []check.Party{
		check.DataDir(cfg.DataDir, ledgerFile, cfg.MaxStoreBytes),
		check.Kafka(check.KafkaConfig{
			Connection: kafkaConnection(cfg), Observation: k.ObservationTopic, Errors: k.ErrorsTopic, GroupID: k.GroupID, Timeout: checkTimeout,
		}),
		check.API(check.APIConfig{Client: api, VerifyCertificate: cfg.API.VerifyCertificate, Types: types, Clock: time.Now}),
		check.S3(check.S3Config{Client: s3, Given: given, Buckets: cfg.Policy.AllowBuckets}),
	}, nil
}

// resultWidth is where long results are broken for people.
const resultWidth = 100

func printChecks(env Env, rows []check.Row) {
	t := newTable(env, "", "CHECK", "RESULT")
	for _, row := range rows {
		result := text.WrapSoft(row.Value, resultWidth)
		if row.Remedy != "" {
			result += "\n" + text.WrapSoft("→ "+row.Remedy, resultWidth)
		}
		t.AppendRow(table.Row{mark(env, row.OK), row.Name, result})
	}
	t.Render()
}

// mark is ✓ or ✗, in colour at a terminal.
func mark(env Env, ok bool) string {
	switch {
	case ok && env.colour():
		return text.FgGreen.Sprint("✓")
	case ok:
		return "✓"
	case env.colour():
		return text.FgRed.Sprint("✗")
	}
	return "✗"
}
