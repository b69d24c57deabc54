package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"dispatcher/internal/stage"
)

// rounds is how often the power is cut.
const rounds = 6

// provePower cuts the power at random moments: what was not synced may be lost.
func provePower(ctx context.Context, o options, binary string) error {
	if _, err := exec.LookPath("strace"); err != nil {
		note("\n!!! POWER LOSS IS NOT TESTED: strace is not here. Install it to prove that every hand-over waits for a sync. !!!\n")
		return nil
	}
	for round := range rounds {
		rng := rand.New(rand.NewPCG(o.seed, uint64(100+round)))
		wrong, err := onTrial(ctx, arenaConfig{binary: binary, fast: true, partitions: 1}, nil, func(ctx context.Context, t *trial) error { return playPower(ctx, t, rng) })
		if err == nil && len(wrong) > 0 {
			err = fmt.Errorf("the promise is broken in %d places: %s", len(wrong), wrong[0])
		}
		if err != nil {
			return fmt.Errorf("power loss %d: %w", round+1, err)
		}
	}
	note("%-36s as it must be (%d times)", "power loss", rounds)
	return nil
}

// playPower has a process work under strace, kills it, and leaves of its
// directory what was synced.
func playPower(ctx context.Context, t *trial, rng *rand.Rand) error {
	h, err := t.newHost()
	if err != nil {
		return err
	}
	t.hosts = append(t.hosts, h)
	trace := filepath.Join(h.dir, "trace")
	c := h.command("run")
	c.Args = append([]string{"-D", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "67108864", "-e", "trace=" + traced, "-o", trace, "--", c.Path}, c.Args...)
	c.Path, err = exec.LookPath("strace")
	if err != nil {
		return err
	}
	if h.Process, err = stage.Start(c); err != nil {
		return err
	}
	if err := h.becomes(ctx, "active", patience); err != nil {
		return err
	}
	until := time.Now().Add(time.Second + time.Duration(rng.Int64N(int64(2*time.Second))))
	for time.Now().Before(until) {
		if err := t.some(ctx, rng); err != nil {
			return err
		}
	}
	h.Kill()
	if err := poll(ctx, patience, "the end of the trace", func() error { return traceEnded(trace) }); err != nil {
		return err
	}
	d := newDisk(filepath.Join(h.dir, "data"))
	if err := readTrace(trace, d.take); err != nil {
		return err
	}
	if err := d.check(); err != nil {
		return err
	}
	dropped, err := d.restore(rng)
	if err != nil {
		return err
	}
	note("power cut after %d messages: %d files, %d writes lost", len(t.sent), len(d.files), dropped)
	if err := h.start(); err != nil {
		return err
	}
	return h.becomes(ctx, "active", patience)
}

// some sends a few messages.
func (t *trial) some(ctx context.Context, rng *rand.Rand) error {
	var messages []*message
	for range 1 + rng.IntN(8) {
		control := rng.IntN(4)
		m := t.update(fmt.Sprint("key-", control), control, "observation")
		if rng.IntN(6) == 0 {
			m.bad("no_match", fmt.Sprintf(`{"message_type":"update_applied_control","selector":{"ref_id":"nobody %s"},"values":{"status":"active"}}`, m.token))
		}
		messages = append(messages, m)
	}
	pause(ctx, time.Duration(rng.Int64N(int64(60*time.Millisecond))))
	return t.send(ctx, messages...)
}

// traceEnded looks for strace's last word.
func traceEnded(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Contains(content[max(0, len(content)-4096):], []byte("+++ killed by SIGKILL +++")) {
		return errors.New("it goes on")
	}
	return nil
}

// playPowerOnce is a course of events for a safeguard.
func playPowerOnce(ctx context.Context, t *trial) error {
	return playPower(ctx, t, rand.New(rand.NewPCG(1, 1)))
}
