package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"dispatcher/config"
	"dispatcher/jobs/control"
	"dispatcher/jobs/join"
	"dispatcher/store"
)

func watchCommand() *cli.Command {
	return &cli.Command{
		Name:  "watch",
		Usage: "show changes of state as they happen, until interrupted",
		Flags: append(filterFlags(), &cli.BoolFlag{Name: "json", Usage: "one JSON object per line"}),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			filter, _, err := readFilter(c, time.Now())
			if err != nil {
				return err
			}
			cfg, err := loadConfig(c, config.ForJobs)
			if err != nil {
				return err
			}
			w := watcher{env: envOf(c), on: cfg.DataDir, query: control.WatchQuery{Filter: filter}, show: showLine}
			if path := c.String("join"); path != "" {
				if _, err := readJoin(w.env, path, join.Operator); err != nil {
					return err
				}
				w.on = "another host"
				w.through = func(ctx context.Context, do func(context.Context, control.Backend) error) error {
					return throughJoin(ctx, w.env, path, do)
				}
			} else {
				path := filepath.Join(cfg.DataDir, ledgerFile)
				if _, err := os.Stat(path); err != nil {
					return noStore(cfg.DataDir)
				}
				w.runs = func() bool { return store.InUse(path) }
				w.through = func(ctx context.Context, do func(context.Context, control.Backend) error) error {
					return throughProcess(ctx, cfg.DataDir, do)
				}
			}
			if c.Bool("json") {
				w.show = showJSON
			}
			return w.run(c.Context)
		},
	}
}

// watcher follows the process on a data directory, over its restarts.
type watcher struct {
	env     Env
	on      string // for people
	through func(ctx context.Context, do func(context.Context, control.Backend) error) error
	runs    func() bool // whether a process has the data directory; nil: nobody knows
	query   control.WatchQuery
	show    func(Env, []control.Change) error
	waiting bool // it has been said that nobody is there
}

// reconnectPause is how often the process is looked for.
const reconnectPause = 500 * time.Millisecond

// run shows changes until ctx ends, which is no error.
func (w *watcher) run(ctx context.Context) error {
	for {
		err := w.through(ctx, w.follow)
		var broken *outputError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, control.ErrVersion), errors.As(err, &broken):
			return err
		}
		if !w.waiting {
			w.waiting = true
			w.sayWaiting(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reconnectPause):
		}
	}
}

// sayWaiting says that there is nothing to watch yet, and why.
func (w *watcher) sayWaiting(err error) {
	if w.runs != nil && !w.runs() {
		fmt.Fprintf(w.env.Stderr, "note: no dispatcher runs on %s, waiting for it\n", w.on)
		return
	}
	fmt.Fprintf(w.env.Stderr, "note: no dispatcher answers on %s, waiting for it: %s\n", w.on, oneLine(err.Error()))
}

func (w *watcher) follow(ctx context.Context, b control.Backend) error {
	for {
		a, err := b.Watch(ctx, w.query)
		if err != nil {
			return err
		}
		if w.waiting || w.query.Feed == "" {
			w.waiting = false
			fmt.Fprintf(w.env.Stderr, "note: watching the dispatcher on %s\n", w.on)
		}
		if a.Lost > 0 {
			fmt.Fprintf(w.env.Stderr, "note: %d changes came too fast and are not shown\n", a.Lost)
		}
		if err := w.show(w.env, a.Changes); err != nil {
			return &outputError{err}
		}
		w.query.Feed, w.query.After = a.Feed, a.After
	}
}

// outputError says that nobody reads what is shown.
type outputError struct{ err error }

func (e *outputError) Error() string { return "write changes: " + e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

func showJSON(env Env, list []control.Change) error {
	out := json.NewEncoder(env.Stdout)
	out.SetEscapeHTML(false)
	for i := range list {
		if err := out.Encode(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

func showLine(env Env, list []control.Change) error {
	for i := range list {
		c := &list[i]
		_, err := fmt.Fprintf(env.Stdout, "%s  %-9s  %s  %s  %s\n", c.At.Local().Format("15:04:05.000"), paint(env, c.State), c.ID, oneCell(c.Type), detail(&c.Job, c.At))
		if err != nil {
			return err
		}
	}
	return nil
}
