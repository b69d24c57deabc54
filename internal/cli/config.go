package cli

import (
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
	"github.com/urfave/cli/v2"

	"dispatcher/config"
)

// flagKeys are the settings that flags give.
var flagKeys = map[string]string{
	"data-dir": "data_dir", "log-format": "log_format", "debug": "debug", "concurrency": "rest.concurrency", "grace": "grace",
}

// loadConfig reads the settings for a command and checks what it needs.
func loadConfig(c *cli.Context, purpose config.Purpose) (*config.Config, error) {
	flags := make(map[string]string)
	for name, key := range flagKeys {
		if c.IsSet(name) {
			flags[key] = c.String(name)
			if name == "debug" {
				flags[key] = "true"
			}
		}
	}
	cfg, err := config.Load(config.LoadOptions{File: c.String("config"), Getenv: envOf(c).Getenv, Flags: flags})
	if err != nil {
		return nil, err
	}
	return cfg, cfg.Validate(purpose)
}

// newLogger writes to standard error: text for people, in colour only on a
// terminal, or JSON for machines.
func newLogger(env Env, cfg *config.Config) *slog.Logger {
	level := slog.LevelInfo
	if cfg.Debug {
		level = slog.LevelDebug
	}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(env.Stderr, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(tint.NewTextHandler(env.Stderr, &tint.Options{
		Level: level, TimeFormat: "2006-01-02 15:04:05.000", NoColor: !env.StderrTerminal || env.Getenv("NO_COLOR") != "",
	}))
}

// processName names this process as a worker: host/pid.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return host + "/" + itoa(os.Getpid())
}
