package cli

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"dispatcher/config"
	"dispatcher/jobs"
	"dispatcher/workers"
	"dispatcher/workers/attachment"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "tell what a message would do, object by object, and write nothing; exit 1 if it would fail",
		ArgsUsage: "FILE|-",
		Flags:     []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "one JSON object"}},
		Action: func(c *cli.Context) error {
			if c.Args().Len() != 1 {
				return usagef("plan: give one file with a message, or - for standard input")
			}
			cfg, err := loadConfig(c, config.ForRun)
			if err != nil {
				return err
			}
			name := c.Args().First()
			message, err := readMessage("plan", name, envOf(c).Stdin)
			if err != nil {
				return err
			}
			planner, tidy, err := newPlanner(cfg, envOf(c))
			if err != nil {
				return err
			}
			defer tidy()
			plan := planner.Plan(c.Context, jobs.Envelope{Value: message})
			if c.Bool("json") {
				err = writeJSON(c.App.Writer, plan)
			} else {
				printPlan(envOf(c), &plan)
			}
			if err != nil || plan.Error == nil {
				return err
			}
			return fmt.Errorf("plan %s: it would %s: %s: %s", name, howItEnds(plan.Error.Class), plan.Error.Code, plan.Error.Message)
		},
	}
}

func howItEnds(class jobs.Class) string {
	switch class {
	case workers.ClassHold:
		return "stand still"
	case workers.ClassTransient:
		return "be tried again"
	}
	return "fail"
}

// readMessage reads a file or, for -, standard input. What is larger than a record
// that becomes work is refused: a cut message would be reported with the size and
// the checksum of what is left of it.
func readMessage(command, name string, stdin io.Reader) ([]byte, error) {
	source := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usagef("%s %s: cannot be read: %s; name a file with one message", command, name, err)
		}
		defer f.Close()
		source = f
	}
	message, err := io.ReadAll(io.LimitReader(source, jobs.MaxValueBytes+1))
	if err != nil {
		return nil, usagef("%s %s: cannot be read: %s; name a file with one message", command, name, err)
	}
	if len(message) > jobs.MaxValueBytes {
		return nil, usagef("%s %s: a message may have at most 16 MiB (%d bytes); send files by S3, or split it", command, name, jobs.MaxValueBytes)
	}
	return message, nil
}

// newPlanner wires what a plan reads from. Files that it fetches are removed
// with tidy.
func newPlanner(cfg *config.Config, env Env) (planner *workers.Planner, tidy func(), err error) {
	log := newLogger(env, cfg)
	api, _, err := newAPI(cfg, log, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	spool, tidy, err := attachment.Temporary(os.TempDir())
	if err != nil {
		return nil, nil, err
	}
	s3, err := newS3(cfg, spool)
	if err != nil {
		tidy()
		return nil, nil, err
	}
	return &workers.Planner{
		API: api, Files: sources{spool, s3}, DefaultFolder: cfg.API.DefaultFolder, Policy: policyOf(cfg), Log: log,
	}, tidy, nil
}

func policyOf(cfg *config.Config) jobs.Policy {
	return jobs.Policy{AllowTypes: cfg.Policy.AllowTypes, DenyFields: cfg.Policy.DenyFields, AllowBuckets: cfg.Policy.AllowBuckets}
}

func printPlan(env Env, plan *workers.Plan) {
	for _, o := range plan.Objects {
		id := o.ID
		if id == "" {
			id = "would be created"
		}
		fmt.Fprintf(env.Stdout, "%s (%s)\n", oneCell(o.Name), id)
		if len(o.Changes) == 0 {
			fmt.Fprintln(env.Stdout, "    nothing changes")
		}
		for _, field := range slices.Sorted(maps.Keys(o.Changes)) {
			change := o.Changes[field]
			fmt.Fprintf(env.Stdout, "    %s: %s → %s\n", field, shown(change.Before), shown(change.After))
		}
	}
	if plan.Note != "" {
		fmt.Fprintln(env.Stdout, plan.Note)
	}
}

// shownChars is how much of a value people see.
const shownChars = 120

// shown is a value as JSON, cut for people.
func shown(v any) string {
	var b strings.Builder
	if err := writeJSON(&b, v); err != nil {
		return fmt.Sprint(v)
	}
	text := []rune(strings.TrimSuffix(b.String(), "\n"))
	if len(text) > shownChars {
		return string(text[:shownChars]) + "…"
	}
	return string(text)
}
