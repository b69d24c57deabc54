package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"dispatcher/internal/stage"
)

// host is a data directory and the process that runs on it.
type host struct {
	arena *arena
	dir   string
	env   []string // "A=b", of its own
	*stage.Process
}

// commandTime bounds one call of the command line.
const commandTime = 2 * time.Minute

func (a *arena) newHost() (*host, error) {
	dir, err := os.MkdirTemp(a.dir, "host-")
	if err != nil {
		return nil, err
	}
	return &host{arena: a, dir: dir}, nil
}

func (h *host) command(args ...string) stage.Command {
	env := maps.Clone(h.arena.env)
	env["DATA_DIR"] = filepath.Join(h.dir, "data")
	return stage.Command{Path: h.arena.binary, Args: args, Env: env, Dir: h.dir}
}

// start runs the dispatcher on the directory, with more environment ("A=b") or
// flags.
func (h *host) start(more ...string) (err error) {
	c := h.command("run")
	for _, m := range slices.Concat(h.env, more) {
		if name, value, ok := strings.Cut(m, "="); ok && !strings.HasPrefix(m, "-") {
			c.Env[name] = value
		} else {
			c.Args = append(c.Args, m)
		}
	}
	h.Process, err = stage.Start(c)
	return err
}

// stop ends the process as an operator does; it must end clean.
func (h *host) stop(ctx context.Context) error {
	h.Signal(syscall.SIGTERM)
	if err := h.ended(ctx, patience); err != nil {
		return err
	}
	if code := h.Code(); code != 0 && h.Log.String() != "" { // else it was not yet listening
		return fmt.Errorf("exit code %d after SIGTERM:\n%s", code, h.tail())
	}
	return nil
}

// ended waits for the end of the process.
func (h *host) ended(ctx context.Context, patience time.Duration) error {
	select {
	case <-h.Done():
		return nil
	case <-time.After(patience):
		return fmt.Errorf("the process does not end within %s:\n%s", patience, h.tail())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// says is the last that the process said about its part.
func (h *host) says() string {
	log := h.Log.String()
	active, standby := strings.LastIndex(log, "active: working"), strings.LastIndex(log, "standing by")
	switch {
	case active < 0 && standby < 0:
		return "nothing"
	case active > standby:
		return "active"
	}
	return "standby"
}

// becomes waits until the process says its part.
func (h *host) becomes(ctx context.Context, part string, patience time.Duration) error {
	return poll(ctx, patience, "a process to be "+part, func() error {
		select {
		case <-h.Done():
			return fmt.Errorf("%w with code %d:\n%s", errEnded, h.Code(), h.tail())
		default:
		}
		if is := h.says(); is != part {
			return fmt.Errorf("it is %s:\n%s", is, h.tail())
		}
		return nil
	})
}

// tail is the end of what the process said.
func (h *host) tail() string {
	lines := strings.Split(strings.TrimSpace(h.Log.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

// jobs returns `jobs list --json`, of a running process or of a directory.
func (h *host) jobs(ctx context.Context, filters ...string) (list []job, err error) {
	err = h.lines(ctx, append([]string{"jobs", "list", "--json", "--limit", "0"}, filters...), func(line []byte) error {
		var j job
		if err := json.Unmarshal(line, &j); err != nil {
			return err
		}
		list = append(list, j)
		return nil
	})
	return list, err
}

// show returns `jobs show`.
func (h *host) show(ctx context.Context, id string) (j job, err error) {
	err = h.lines(ctx, []string{"jobs", "show", id, "--json"}, func(line []byte) error { return json.Unmarshal(line, &j) })
	return j, err
}

func (h *host) lines(ctx context.Context, args []string, read func([]byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	stdout, stderr, code, err := stage.Run(ctx, h.command(args...), "")
	if err != nil || code != 0 {
		return fmt.Errorf("%s: exit %d: %s (%v)", strings.Join(args, " "), code, stderr, err)
	}
	for line := range strings.Lines(stdout) {
		if err := read([]byte(line)); err != nil {
			return fmt.Errorf("%s: %q: %w", strings.Join(args, " "), line, err)
		}
	}
	return nil
}

// job is what the command line says of one.
type job struct {
	ID         string
	State      string
	Key        string
	Worker     string
	Attempts   int
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	Error      struct{ Code, Message string }
	Steps      []step
	Source     struct {
		Partition int
		Offset    int64
	}
}

type step struct {
	Name, State string
	FinishedAt  time.Time `json:"finished_at"`
}

// done reports whether the job was carried out or reported, here.
func (j *job) done() bool { return j.State == "succeeded" || j.State == "failed" }
