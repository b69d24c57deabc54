package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"dispatcher/config"
)

// Exit codes, an interface for scripts.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // wrong usage or configuration: nothing was started
	exitNoJob  = 3 // no such job, or nothing matched
)

// Env is the world as a command sees it.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	StdinTerminal  bool
	StdoutTerminal bool
	StderrTerminal bool
	Width          int // of the terminal, 0 if unknown
}

// System returns the process's own world.
func System() Env {
	width, _, _ := term.GetSize(int(os.Stdout.Fd()))
	return Env{
		Stdin:          os.Stdin,
		Stdout:         os.Stdout,
		Stderr:         os.Stderr,
		Getenv:         os.Getenv,
		StdinTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		StdoutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		StderrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Width:          width,
	}
}

// Main runs the command line args[1:] and returns its exit code.
func Main(args []string, env Env) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return run(ctx, args, env)
}

func run(ctx context.Context, args []string, env Env) int {
	app := newApp(env)
	err := app.RunContext(ctx, arrange(app, args))
	if err == nil {
		return exitDone
	}
	var exit *exitError
	if errors.As(err, &exit) && exit.err == nil {
		return exit.code // everything has been said
	}
	fmt.Fprintf(env.Stderr, "dispatcher: %s\n", oneLine(err.Error()))
	return exitCode(err)
}

// newApp returns the command tree.
func newApp(env Env) *cli.App {
	app := &cli.App{
		Name:                 "dispatcher",
		Usage:                "carry out Kafka messages on CISO Assistant, each once, in order, or reported with a reason",
		Version:              version(),
		HideVersion:          true,
		Reader:               env.Stdin,
		Writer:               env.Stdout,
		ErrWriter:            env.Stderr,
		EnableBashCompletion: true,
		Suggest:              true,
		Flags:                globalFlags(),
		ExitErrHandler:       func(*cli.Context, error) {}, // Main decides
		OnUsageError:         onUsageError,
		Action:               noCommand,
		CommandNotFound:      nil,
		Metadata:             map[string]any{envKey: env},
		Commands: []*cli.Command{
			runCommand(), workerCommand(), jobsCommand(), credentialsCommand(), initConfigCommand(), initComposeCommand(), authCommand(),
			checkCommand(), planCommand(), schemaCommand(), healthCommand(), versionCommand(), completionCommand(),
		},
	}
	markUsageErrors(app.Commands)
	return app
}

func markUsageErrors(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError = onUsageError
		markUsageErrors(c.Subcommands)
	}
}

// onUsageError words what Go's flag package says as the help does, and names the
// help that knows the flag.
func onUsageError(c *cli.Context, err error, _ bool) error {
	text := strings.NewReplacer("flag -", "flag --", ": -", ": --").Replace(err.Error())
	help := "dispatcher --help"
	if c != nil && c.Command != nil && c.Command.HelpName != "" {
		help = c.Command.HelpName + " --help"
	}
	return usagef("%s; see %s", text, help)
}

func noCommand(c *cli.Context) error {
	if name := c.Args().First(); name != "" {
		return usagef("unknown command %q%s; see dispatcher --help", name, didYouMean(c.App.Commands, name))
	}
	return cli.ShowAppHelp(c)
}

const envKey = "env"

// envOf returns the world of the command.
func envOf(c *cli.Context) Env { return c.App.Metadata[envKey].(Env) }

// globalFlags are accepted by every command, before and after it.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Usage: "configuration `FILE`, absent is fine (env DISPATCHER_CONFIG)", DefaultText: config.DefaultFile},
		&cli.StringFlag{Name: "data-dir", Usage: "`DIR` of the jobs (env DATA_DIR)", DefaultText: "dispatcher-data"},
		&cli.StringFlag{Name: "log-format", Usage: "`text` or json (env LOG_FORMAT)", DefaultText: "text"},
		&cli.BoolFlag{Name: "debug", Usage: "log everything (env DEBUG)"},
	}
}
