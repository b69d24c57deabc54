package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"dispatcher/internal/stage"
)

// playStill has the disk stand still (strace delays the writes of JOBS) until the
// process has given up waiting for the answer to an append; then the disk goes
// on, and the message is stored. Whoever appends it again has it there twice.
func playStill(ctx context.Context, t *trial) error {
	t.api.Down(true) // so that messages stay in JOBS
	h, err := t.host(ctx, "active")
	if err != nil {
		return err
	}
	if err := t.known(ctx, h); err != nil {
		return err
	}
	moves, err := still(h)
	if err != nil {
		return err
	}
	defer moves()
	if err := t.send(ctx, t.update("a", 0, "observation")); err != nil {
		return err
	}
	err = poll(ctx, patience, "the append to be given up", func() error {
		if !h.Log.Has("no answer within") {
			return errors.New(h.tail())
		}
		return nil
	})
	if err != nil {
		return err
	}
	moves()
	if err := t.known(ctx, h); err != nil {
		return err
	}
	h.Kill()
	if err := t.know.checkStored(ctx, h); err != nil {
		return err
	}
	t.api.Down(false)
	return h.start()
}

// known sends a message and waits until the process knows all.
func (t *trial) known(ctx context.Context, h *host) error {
	if err := t.send(ctx, t.update("a", 0, "observation")); err != nil {
		return err
	}
	return poll(ctx, patience, fmt.Sprintf("%d jobs", len(t.sent)), func() error {
		list, err := h.jobs(ctx)
		if err == nil && len(list) < len(t.sent) {
			err = fmt.Errorf("%d:\n%s", len(list), h.tail())
		}
		return err
	})
}

// still delays each write to JOBS, for longer than anybody waits, until moves is
// called.
func still(h *host) (moves func(), err error) {
	blocks, err := filepath.Glob(filepath.Join(h.dir, "data", "jobs", "jetstream", "*", "streams", "JOBS", "msgs", "*.blk"))
	if err != nil || len(blocks) == 0 {
		return nil, fmt.Errorf("no files of JOBS in %s (%w)", h.dir, err)
	}
	args := []string{"-f", "-p", strconv.Itoa(h.PID()), "-e", "trace=write,pwrite64", "-e", "inject=write,pwrite64:delay_enter=600s", "-o", os.DevNull}
	for _, b := range blocks {
		args = append(args, "-P", b)
	}
	p, err := stage.Launch(exec.Command("strace", args...))
	if err != nil {
		return nil, err
	}
	err = poll(context.Background(), patience, "strace to be attached", func() error {
		if !p.Log.Has("attached") {
			return errors.New(p.Log.String())
		}
		return nil
	})
	return func() {
		p.Signal(syscall.SIGTERM)
		<-p.Done()
	}, err
}
