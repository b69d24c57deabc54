package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// followWithin bounds how long a worker goes without a job of the host that took
// over, while there is work for all.
const followWithin = 10 * time.Second

// takesOver waits until a host works that stood by.
func (c *crowd) takesOver(ctx context.Context, h *host, since time.Time) error {
	if err := h.becomes(ctx, "active", patience); err != nil {
		return err
	}
	c.know.activations(since, h.Log.String())
	return nil
}

// follow waits until every worker has a job of the host that took over.
func (c *crowd) follow(ctx context.Context, h *host) error {
	began := time.Now()
	left := make([]string, 0, crowdSize)
	for _, w := range c.workers {
		left = append(left, w.name+"@")
	}
	err := poll(ctx, followWithin, "all workers to work for the host that took over", func() error {
		list, err := h.jobs(ctx, "--state", "running")
		for i := range list {
			left = slices.DeleteFunc(left, func(name string) bool { return strings.HasPrefix(list[i].Worker, name) })
		}
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("it has not heard of %v:\n%s", left, c.tails())
		}
		return err
	})
	c.slowest = max(c.slowest, time.Since(began))
	return err
}

// tails is the end of what the workers said.
func (c *crowd) tails() string {
	var b strings.Builder
	for _, w := range c.workers {
		lines := strings.Split(strings.TrimSpace(w.Log.String()), "\n")
		fmt.Fprintf(&b, "-- %s:\n%s\n", w.name, strings.Join(lines[max(0, len(lines)-6):], "\n"))
	}
	return b.String()
}
