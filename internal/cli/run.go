package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"dispatcher/config"
	"dispatcher/store"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:    "run",
		Aliases: []string{"consume"},
		Usage:   "read messages from Kafka and carry them out",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "concurrency", Usage: "jobs in flight `N` (env CONCURRENCY)", DefaultText: "8"},
			&cli.StringFlag{Name: "grace", Usage: "how `LONG` running jobs may go on after SIGTERM (env GRACE)", DefaultText: "35s"},
			&cli.BoolFlag{Name: "rebuild", Usage: "start with an empty store, from what Kafka holds; the old one is kept aside"},
			&cli.BoolFlag{Name: "reset-cursor", Usage: "accept that the topic was truncated: go on from its end"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only log what each message would do, read in a group of its own; writes nothing"},
		},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			cfg, err := loadConfig(c, config.ForRun)
			if err != nil {
				return err
			}
			log := newLogger(envOf(c), cfg)
			if c.Bool("dry-run") {
				if c.Bool("rebuild") || c.Bool("reset-cursor") {
					return usagef("run --dry-run: it has no store to rebuild or reset; leave --rebuild and --reset-cursor out")
				}
				go exitOnSecondSignal(c.Context)
				return runDry(c.Context, cfg, envOf(c), log)
			}
			if err := prepareDataDir(cfg.DataDir); err != nil {
				return err
			}
			if c.Bool("rebuild") {
				if err := rebuild(cfg, log); err != nil {
					return err
				}
			}
			go exitOnSecondSignal(c.Context)
			memory := newMemory(envOf(c))
			p, err := newProcess(c.Context, cfg, options{resetCursor: c.Bool("reset-cursor"), getenv: envOf(c).Getenv}, log)
			if c.Context.Err() != nil && errors.Is(err, context.Canceled) {
				return nil // told to end before it had begun
			}
			if err != nil {
				return err
			}
			summary(cfg, log)
			go memory.follow(c.Context, p.scheduler.Rates)
			return p.run(c.Context)
		},
	}
}

// exitOnSecondSignal ends at once for whoever does not want to wait. Nothing is
// lost by it: everything that was promised is on disk.
func exitOnSecondSignal(ctx context.Context) {
	<-ctx.Done()
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGINT, syscall.SIGTERM)
	<-again
	os.Exit(exitFailed)
}

// Names in the data directory.
const (
	ledgerFile = "ledger.db"
	streamDir  = "jobs"
	spoolDir   = "spool"
	slotsFile  = "slots"
	accessFile = "control.json"
	keysFile   = "credentials.json"
	caFile     = "ca.pem"
)

// prepareDataDir makes the directory for its owner only.
func prepareDataDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return usagef("data directory %s: cannot be made: %s; name another with --data-dir", dir, err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return usagef("data directory %s: its rights cannot be set: %s", dir, err)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return usagef("data directory %s: not writable: %s; name another with --data-dir", dir, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// rebuild makes room for an empty store, unless a process has the present one, or
// this one could not start anyway.
func rebuild(cfg *config.Config, log *slog.Logger) error {
	for name, address := range map[string]string{"http_listen": cfg.HTTPListen, "listen": cfg.Listen} {
		if address == "" {
			continue
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			return usagef("%s %q: cannot listen there: %s; the store is left as it is: free the address, or set another", name, address, err)
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	release, err := store.Lock(filepath.Join(cfg.DataDir, ledgerFile), patience)
	if err != nil {
		return err
	}
	return errors.Join(setAside(cfg.DataDir, log), release())
}

// setAside moves the store out of the way, so that nothing is ever deleted. The
// lock of the ledger is held.
func setAside(dir string, log *slog.Logger) error {
	old := filepath.Join(dir, "before-rebuild-"+time.Now().UTC().Format("20060102T150405Z"))
	for _, name := range []string{ledgerFile, streamDir, slotsFile} {
		from := filepath.Join(dir, name)
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.MkdirAll(old, 0o700); err != nil {
			return fmt.Errorf("set the store aside: %w", err)
		}
		if err := os.Rename(from, filepath.Join(old, name)); err != nil {
			return fmt.Errorf("set the store aside: %w", err)
		}
	}
	log.Warn("starting with an empty store; retried and submitted jobs of the old one are not in Kafka", "old", old)
	return nil
}

// summary tells what will be done, secrets left out.
func summary(cfg *config.Config, log *slog.Logger) {
	log.Info("dispatcher starts", "version", version(), "api", cfg.API.URL, "kafka", cfg.Kafka.BootstrapServers,
		"topic", cfg.Kafka.ObservationTopic, "errors", cfg.Kafka.ErrorsTopic, "group", cfg.Kafka.GroupID,
		"concurrency", cfg.API.Concurrency, "data", cfg.DataDir, "http", cfg.HTTPListen)
	var given []any
	for _, s := range cfg.Sources {
		given = append(given, s.Key, s.Value)
		log.Debug("setting", "key", s.Key, "value", s.Value, "from", s.From)
	}
	log.Info("settings; all others are at their defaults", given...)
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
