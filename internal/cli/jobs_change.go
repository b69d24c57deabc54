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

// changeFlags choose the jobs that a command changes.
func changeFlags(all string) []cli.Flag {
	return append(filterFlags(), append(alterationFlags(), &cli.BoolFlag{Name: "all", Usage: all})...)
}

// alterationFlags say how an [alteration] is done.
func alterationFlags() []cli.Flag {
	return append(signedFlags(),
		&cli.BoolFlag{Name: "dry-run", Usage: "only count and show a sample"},
		&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
		&cli.BoolFlag{Name: "json", Usage: "one JSON object"},
	)
}

// signedFlags are for the audit.
func signedFlags() []cli.Flag {
	return []cli.Flag{&cli.StringFlag{Name: "reason", Usage: "`TEXT` for the audit"}}
}

func signed(c *cli.Context) control.Signed {
	return control.Signed{Operator: operatorName(), Reason: c.String("reason")}
}

// readSelection reads what is to be changed: ids, a filter, or everything.
func readSelection(c *cli.Context) (sel control.Selection, err error) {
	filter, empty, err := readFilter(c, time.Now())
	all := c.Bool("all")
	sel = control.Selection{IDs: c.Args().Slice(), Filter: filter, DryRun: c.Bool("dry-run"), Signed: signed(c)}
	switch name := c.Command.Name; {
	case err != nil:
		return sel, err
	case len(sel.IDs) == 0 && empty && !all:
		return sel, usagef("jobs %s: names no job; give ids, a filter such as --code no_match, or --all", name)
	case len(sel.IDs) > 0 && (!empty || all):
		return sel, usagef("jobs %s: ids and a filter at once; give one of them", name)
	}
	return sel, nil
}

// alteration is a command that changes chosen jobs.
type alteration struct {
	verb string // "retry"
	done string // "queued again"
	do   func(ctx context.Context, dry bool, told control.Progress) (control.Changed, error)
	lone bool // one job was named: nothing is to be asked
	dry  bool
}

// run asks if it must, changes, and tells what came of it.
func (a *alteration) run(ctx context.Context, c *cli.Context) error {
	env := envOf(c)
	if !a.lone && !a.dry && !c.Bool("yes") {
		if err := a.confirm(ctx, env); err != nil {
			return err
		}
	}
	bar := newBar(env, a.verb)
	done, err := a.do(ctx, a.dry, bar.told)
	bar.end(err)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = writeJSON(env.Stdout, done)
	} else {
		a.print(env, &done, a.dry)
	}
	if err == nil && done.Matched == 0 {
		return &exitError{code: exitNoJob, err: fmt.Errorf("jobs %s: no job matches; see dispatcher jobs list", a.verb)}
	}
	return err
}

// confirm shows what would be done and asks.
func (a *alteration) confirm(ctx context.Context, env Env) error {
	would, err := a.do(ctx, true, nil)
	if err != nil {
		return err
	}
	n := would.Matched - len(would.Skipped)
	if n <= 1 {
		return nil
	}
	if env.StdinTerminal {
		a.print(env, &would, true)
	}
	return confirm(env, fmt.Sprintf("%s %d jobs?", strings.ToUpper(a.verb[:1])+a.verb[1:], n))
}

func (a *alteration) print(env Env, done *control.Changed, dry bool) {
	switch {
	case done.Matched == 0: // an error, see run
	case dry:
		fmt.Fprintf(env.Stdout, "%d jobs match, %d would be %s\n", done.Matched, done.Matched-len(done.Skipped), a.done)
	default:
		fmt.Fprintf(env.Stdout, "%d of %d jobs are %s\n", done.Changed, done.Matched, a.done)
	}
	for _, job := range done.Sample {
		fmt.Fprintf(env.Stdout, "  %s %s %s\n", job.ID, oneCell(job.Type), detail(&job, time.Now()))
	}
	for i, s := range done.Skipped {
		if i == 10 {
			fmt.Fprintf(env.Stdout, "  … and %d more left as they are\n", len(done.Skipped)-i)
			break
		}
		fmt.Fprintf(env.Stdout, "  %s left as it is: %s\n", s.ID, oneCell(s.Why))
	}
}

// confirm asks a question on a terminal; without one it demands --yes.
func confirm(env Env, question string) error {
	if !env.StdinTerminal {
		return usagef("%s Not asked, because this is no terminal; say --yes", question)
	}
	fmt.Fprintf(env.Stderr, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(env.Stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return &exitError{code: exitFailed, err: fmt.Errorf("nothing was changed")}
}
