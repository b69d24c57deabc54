package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v2"

	"dispatcher/config"
	"dispatcher/jobs/control"
	"dispatcher/jobs/join"
	"dispatcher/store"
)

func credentialsCommand() *cli.Command {
	return &cli.Command{
		Name:  "credentials",
		Usage: "let workers and operators on other hosts in, and keep them out again",
		Subcommands: []*cli.Command{
			makeKeyCommand(join.Worker, "make a join file for `dispatcher worker` on another host: it can claim jobs and report on them"),
			makeKeyCommand(join.Operator, "make a join file for `dispatcher jobs` on another host: it can do what dispatcher jobs can here"),
			listKeysCommand(), revokeKeyCommand(),
		},
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); name != "" {
				return usagef("unknown command %q%s; see dispatcher credentials --help", name, didYouMean(c.Command.Subcommands, name))
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

func makeKeyCommand(role join.Role, usage string) *cli.Command {
	return &cli.Command{
		Name:  string(role),
		Usage: usage,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the credential, shown with its jobs and used to revoke it"},
			&cli.StringFlag{Name: "address", Usage: "`HOST:PORT` at which the other host reaches this one", DefaultText: "that of listen"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write, readable by its owner only", DefaultText: "standard output"},
		},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			q := control.KeyQuery{Name: c.String("name"), Role: role, Address: c.String("address")}
			if q.Name == "" {
				return usagef("credentials %s: no name; give --name NAME", role)
			}
			if err := join.CheckName(q.Name); err != nil {
				return usagef("credentials %s: %s", role, err)
			}
			return withKeys(c, func(ctx context.Context, keys control.Keys) error { return makeKey(ctx, c, keys, q) })
		},
	}
}

// makeKey writes a join file. Its key is in no other place.
func makeKey(ctx context.Context, c *cli.Context, keys control.Keys, q control.KeyQuery) error {
	path := c.String("output")
	if path == "" {
		file, err := keys.MakeKey(ctx, q)
		if err != nil {
			return err
		}
		protect(envOf(c))
		return file.Write(c.App.Writer)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usagef("credentials: %s; name a file that is not there yet", err)
	}
	file, err := keys.MakeKey(ctx, q)
	if err == nil {
		err = file.Write(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	use := "dispatcher worker --join FILE"
	if q.Role == join.Operator {
		use = "dispatcher jobs list --join FILE"
	}
	fmt.Fprintf(envOf(c).Stderr, "%s is a secret: take it to the other host, then %s\n", path, use)
	return nil
}

// protect keeps others from reading a file that standard output is led to.
func protect(env Env) {
	f, ok := env.Stdout.(*os.File)
	if !ok {
		return
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		if err := f.Chmod(0o600); err != nil {
			fmt.Fprintf(env.Stderr, "note: the join file is a secret, and its rights cannot be set: %s\n", err)
		}
	}
}

func listKeysCommand() *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list who may come from other hosts",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "one JSON object per line"}},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return withKeys(c, func(ctx context.Context, keys control.Keys) error {
				list, err := keys.ListKeys(ctx)
				if err != nil {
					return err
				}
				if c.Bool("json") {
					for _, k := range list {
						if err := writeJSON(c.App.Writer, k); err != nil {
							return err
						}
					}
					return nil
				}
				t := newTable(envOf(c), "NAME", "ROLE", "MADE", "PUBLIC KEY")
				for _, k := range list {
					t.AppendRow([]any{k.Name, k.Role, ago(k.MadeAt, time.Now()), k.Public})
				}
				t.Render()
				return nil
			})
		},
	}
}

func revokeKeyCommand() *cli.Command {
	return &cli.Command{
		Name:      "revoke",
		Usage:     "take a credential away: whoever uses it is cut off at once",
		ArgsUsage: "NAME",
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usagef("credentials revoke: give one name; see dispatcher credentials list")
			}
			name := c.Args().First()
			return withKeys(c, func(ctx context.Context, keys control.Keys) error {
				if err := keys.RevokeKey(ctx, control.KeyQuery{Name: name}); err != nil {
					return err
				}
				fmt.Fprintf(envOf(c).Stderr, "%s is revoked\n", name)
				return nil
			})
		},
	}
}

// withKeys runs do with the process that owns the data directory, or, when none
// does, on its files.
func withKeys(c *cli.Context, do func(context.Context, control.Keys) error) error {
	cfg, err := loadConfig(c, config.ForJobs)
	if err != nil {
		return err
	}
	err = onKeys(c, cfg, do)
	if control.IsWrongKey(err) {
		return &exitError{code: exitUsage, err: fmt.Errorf("credentials: %w", err)}
	}
	return err
}

func onKeys(c *cli.Context, cfg *config.Config, do func(context.Context, control.Keys) error) error {
	if err := prepareDataDir(cfg.DataDir); err != nil {
		return err
	}
	ledger, err := store.Open(store.Options{Path: filepath.Join(cfg.DataDir, ledgerFile)})
	switch {
	case errors.Is(err, store.ErrInUse):
		return withConnection(c.Context, cfg.DataDir, func(nc *nats.Conn) error { return do(c.Context, &control.KeyClient{Conn: nc}) })
	case err != nil:
		return err
	}
	defer ledger.Close()
	credentials, err := join.Open(filepath.Join(cfg.DataDir, keysFile))
	if err != nil {
		return err
	}
	return do(c.Context, &outside{cfg: cfg, log: slog.New(slog.DiscardHandler), credentials: credentials})
}
