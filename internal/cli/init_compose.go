package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"dispatcher/config"
	"dispatcher/internal/ask"
	"dispatcher/internal/compose"
)

// Names of what init-compose writes, in the working directory.
const (
	composeFile = "docker-compose.yml"
	secretsFile = ".env"
)

func initComposeCommand() *cli.Command {
	return &cli.Command{
		Name:  "init-compose",
		Usage: "write " + composeFile + " with CISO Assistant and the dispatcher, and " + secretsFile + " with its secrets",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "interactive", Aliases: []string{"i"}, Usage: "ask for the settings"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "replace files without asking"},
		}, questionFlags()...),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			for _, path := range []string{composeFile, secretsFile} {
				if err := mayReplace(c, path); err != nil {
					return err
				}
			}
			return initCompose(c, envOf(c))
		},
	}
}

func initCompose(c *cli.Context, env Env) error {
	answers := answered(c, env)
	earlier, err := os.ReadFile(secretsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: cannot be read: %w; remove it", secretsFile, err)
	}
	answers.Keep(earlier)
	if c.Bool("interactive") {
		accessible := !env.StdinTerminal || !env.StdoutTerminal || env.Getenv("TERM") == "dumb"
		if err := answers.Ask(ask.Asker{In: env.Stdin, Out: env.Stderr, Accessible: accessible, Terminal: env.StdinTerminal}); err != nil {
			return err
		}
	}
	if err := answers.Check(); err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	files, err := answers.Render(earlier)
	if err != nil {
		return err
	}
	if err := errors.Join(config.WriteFile(secretsFile, files.Env), config.WriteFile(composeFile, files.Compose)); err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "wrote %s and %s\n", composeFile, secretsFile)
	_, err = fmt.Fprint(env.Stdout, files.Steps)
	return err
}

// questionFlags are a flag for each question.
func questionFlags() (flags []cli.Flag) {
	for _, q := range compose.Questions() {
		usage := q.Doc
		if q.Env != "" {
			usage += " (env " + q.Env + ")"
		}
		if q.Bool != nil {
			flags = append(flags, &cli.BoolFlag{Name: q.Flag, Usage: usage})
			continue
		}
		flags = append(flags, &cli.StringFlag{Name: q.Flag, Usage: usage, DefaultText: q.Default})
	}
	return flags
}

// answered are the defaults, what the environment gives, and the flags.
func answered(c *cli.Context, env Env) *compose.Answers {
	a := compose.Defaults()
	for _, q := range compose.Questions() {
		if q.Bool != nil {
			*q.Bool(a) = c.Bool(q.Flag)
			continue
		}
		if q.Env != "" && env.Getenv(q.Env) != "" {
			*q.Text(a) = env.Getenv(q.Env)
		}
		if c.IsSet(q.Flag) {
			*q.Text(a) = c.String(q.Flag)
		}
	}
	return a
}
