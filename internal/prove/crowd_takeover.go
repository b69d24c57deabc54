package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Cards of the attack on two run hosts with workers on other hosts.
const (
	cardActiveKilled = "active run killed, standby takes over"
	cardActiveBack   = "active run killed, back at once"
	cardActiveTold   = "active run told to end, standby takes over"
	cardHostLost     = "run host lost with its disk"
	cardHostStopped  = "run host stopped beyond its session (zombie)"
)

// pair starts a host beside the one that works.
func (c *crowd) pair(ctx context.Context, h *host) error {
	c.second = h
	return c.startBeside(ctx, h)
}

func (c *crowd) startBeside(ctx context.Context, h *host) error {
	c.paired = time.Now()
	if err := h.start(); err != nil {
		return err
	}
	_, _, err := c.parts(ctx)
	return err
}

// parts tells who works and who stands by. A machine that stood still may have
// turned them round unasked: then both may have worked since the last look.
func (c *crowd) parts(ctx context.Context) (works, waits *host, err error) {
	was, since := c.current(), c.paired
	if works, waits, err = c.roles(ctx); err != nil {
		return nil, nil, err
	}
	c.paired = time.Now()
	if works != was || len(activeSince(since, waits.Log.String())) > 0 {
		c.know.passes(since)
		c.know.activations(since, works.Log.String(), waits.Log.String())
	}
	return works, waits, nil
}

// passed ends the part of the host that works; the other one takes over. The end of
// a run host ends no request of a worker: it is excused for being on the wire only
// when the other one begins meanwhile.
func (c *crowd) passed(ctx context.Context, card string) error {
	works, waits, err := c.parts(ctx)
	if err != nil {
		return err
	}
	found := c.away()
	defer found()
	began := time.Now()
	switch card {
	case cardActiveBack:
		return c.back(ctx, works)
	case cardActiveTold:
		err = c.handOver(ctx, works)
	case cardHostStopped:
		works.Signal(syscall.SIGSTOP)
	default:
		works.Kill()
		c.kills++
	}
	if err != nil {
		return err
	}
	c.know.passes(began)
	c.take(waits)
	c.second = works
	if err := c.takesOver(ctx, waits, began); err != nil {
		return err
	}
	found()
	if err := c.follow(ctx, waits); err != nil {
		return err
	}
	if card == cardHostStopped {
		pause(ctx, c.between(0, 1500*time.Millisecond))
		works.Signal(syscall.SIGCONT)
		_, _, err = c.parts(ctx)
		return err
	}
	c.count(works)
	if card == cardHostLost {
		return c.replace(ctx, works)
	}
	if err := c.inspect(ctx, works, c.rng.IntN(2) == 0); err != nil {
		return err
	}
	return c.pair(ctx, works)
}

// handOver tells a run host to end. What it held as succeeded is not done again by
// the next one, also if that begins before this one is quite gone.
func (c *crowd) handOver(ctx context.Context, h *host) error {
	told := time.Now()
	if err := h.stop(ctx); err != nil {
		return err
	}
	list, err := h.jobs(ctx)
	c.know.handOver(told, list)
	return err
}

// back kills a run host that is started again at once, as by a supervisor: it has
// its former membership leave when its workers' leases have ended, and either of
// the two goes on.
func (c *crowd) back(ctx context.Context, h *host) error {
	h.Kill()
	c.kills++
	c.count(h)
	return c.startBeside(ctx, h)
}

// replace loses the disk of a dead run host. The new one has other keys: the workers
// end, and come again with new join files.
func (c *crowd) replace(ctx context.Context, h *host) error {
	if err := c.discard(ctx, h); err != nil {
		return err
	}
	at := slices.IndexFunc(c.seats[:], func(s *seat) bool { return s.host == h })
	if err := c.furnish(c.seats[at]); err != nil {
		return err
	}
	if err := c.invite(ctx, at); err != nil {
		return err
	}
	told := !c.short && c.rng.IntN(2) == 0
	restarted := make([]error, crowdSize)
	var group sync.WaitGroup
	for i, w := range c.workers {
		group.Go(func() { restarted[i] = c.restart(w, told) })
	}
	err := c.pair(ctx, c.seats[at].host)
	group.Wait()
	return errors.Join(append(restarted, err)...)
}
