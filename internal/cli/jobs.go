package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v2"

	"dispatcher/config"
	"dispatcher/jobs/control"
	"dispatcher/jobs/embed"
	"dispatcher/store"
)

func jobsCommand() *cli.Command {
	commands := []*cli.Command{listCommand(), showCommand(), statsCommand(), watchCommand(), retryCommand(), cancelCommand(), pauseCommand(), resumeCommand(), submitCommand(), replayCommand(), webCommand()}
	for _, c := range commands {
		c.Flags = append(c.Flags, &cli.StringFlag{Name: "join", Usage: "join `FILE`, for the dispatcher on another host"})
	}
	return &cli.Command{
		Name:        "jobs",
		Usage:       "inspect and steer jobs",
		Subcommands: commands,
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); name != "" {
				return usagef("unknown command %q%s; see dispatcher jobs --help", name, didYouMean(c.Command.Subcommands, name))
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

// withBackend runs do with the running process's control API, or, when no
// process owns the data directory, on the store itself.
func withBackend(c *cli.Context, do func(context.Context, control.Backend) error) error {
	cfg, err := loadConfig(c, config.ForJobs)
	if err != nil {
		return err
	}
	if err = onBackend(c, cfg, do); control.IsNoJob(err) {
		return fmt.Errorf("job %w; it was never here, or has been forgotten after its retention: see dispatcher jobs list", err)
	}
	return err
}

func onBackend(c *cli.Context, cfg *config.Config, do func(context.Context, control.Backend) error) error {
	if path := c.String("join"); path != "" {
		return throughJoin(c.Context, envOf(c), path, do)
	}
	path := filepath.Join(cfg.DataDir, ledgerFile)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return noStore(cfg.DataDir)
	}
	if err != nil {
		return usagef("data directory %s: cannot be read: %s; run this as its owner", cfg.DataDir, err)
	}
	if mine(info) {
		return onOwnStore(c, cfg, path, do)
	}
	// Whatever is opened or made here would be somebody else's: only a running
	// process may be asked, by whoever may read its credential.
	if _, err := os.Stat(filepath.Join(cfg.DataDir, accessFile)); err != nil {
		return usagef("data directory %s: belongs to %s, and no dispatcher that could be asked runs there; run this as its owner", cfg.DataDir, ownerOf(info))
	}
	return throughProcess(c.Context, cfg.DataDir, do)
}

// A lock is tried for a moment only: a running process has it for ever. One that
// is about to start, to stop, or another command, is waited for; so does a process
// that starts, since a command may be reading.
const (
	atOnce     = time.Millisecond
	patience   = 3 * time.Second
	askedEvery = 50 * time.Millisecond
)

// onOwnStore opens the store, or asks the process that has it open.
func onOwnStore(c *cli.Context, cfg *config.Config, path string, do func(context.Context, control.Backend) error) error {
	for began := time.Now(); ; {
		ledger, err := store.Open(store.Options{Path: path, Patience: atOnce})
		if err == nil {
			defer ledger.Close()
			fmt.Fprintf(envOf(c).Stderr, "note: no dispatcher runs on %s, its store is read directly\n", cfg.DataDir)
			return offline(c.Context, ledger, cfg, do)
		}
		if !errors.Is(err, store.ErrInUse) {
			return err
		}
		nc, err := reach(c.Context, cfg.DataDir)
		if err == nil {
			defer nc.Close()
			return do(c.Context, &control.Client{Conn: nc})
		}
		if time.Since(began) > patience || c.Context.Err() != nil || errors.Is(err, control.ErrVersion) {
			return err
		}
		time.Sleep(askedEvery)
	}
}

func noStore(dir string) error {
	return usagef("data directory %s: no jobs are kept there; name the one that `dispatcher run` uses with --data-dir", dir)
}

// throughProcess asks the process that owns the data directory.
func throughProcess(ctx context.Context, dataDir string, do func(context.Context, control.Backend) error) error {
	return withConnection(ctx, dataDir, func(nc *nats.Conn) error { return do(ctx, &control.Client{Conn: nc}) })
}

func withConnection(ctx context.Context, dataDir string, do func(*nats.Conn) error) error {
	nc, err := reach(ctx, dataDir)
	if err != nil {
		return err
	}
	defer nc.Close()
	return do(nc)
}

// reach connects to the process that owns the data directory, and makes sure that
// it takes commands.
func reach(ctx context.Context, dataDir string) (*nats.Conn, error) {
	access, err := embed.ReadAccess(filepath.Join(dataDir, accessFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("data directory %s: is in use, but nobody answers there: a dispatcher is starting, or another command is at work; try again", dataDir)
	}
	if err != nil {
		return nil, fmt.Errorf("data directory %s is in use, but its process cannot be asked: %w; run this as its owner", dataDir, err)
	}
	nc, err := access.Connect(nats.Name("dispatcher jobs"), nats.Timeout(5*time.Second), nats.NoReconnect())
	if err != nil {
		return nil, fmt.Errorf("connect to the dispatcher on %s: %w; it may be starting or stopping, try again", dataDir, err)
	}
	if err := (&control.Client{Conn: nc}).Hello(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return nc, nil
}

// operatorName is who the audit names.
func operatorName() string {
	host, _ := os.Hostname()
	if u, err := user.Current(); err == nil {
		return u.Username + "@" + host
	}
	return fmt.Sprintf("uid%d@%s", os.Getuid(), host)
}
