package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"dispatcher/internal/stage"
)

// Cards of the attack on workers of other hosts.
const (
	cardWorkerKilled  = "worker killed"
	cardWorkerStopped = "worker stopped beyond its lease"
	cardWorkerCut     = "worker cut off beyond its lease"
	cardWorkerTold    = "worker told to end"
	cardRunKilled     = "run killed under its workers"
	cardRunTold       = "run told to end under its workers"

	leaseLost   = "a lease that ended with a job in hand"
	awayStopped = "worker stopped while run hosts change places"
	awayCut     = "worker cut off while run hosts change places"
)

// crowdDecks are what strikes one run host alone, and two of them. Faults of workers
// strike in both. The short form has what no other card does as well: a host that is
// killed loses its disk, a worker is cut off while hosts change places.
func crowdDecks(o options) (alone, paired []string) {
	workers, takeovers := []string{cardWorkerKilled, cardWorkerStopped, cardWorkerTold}, []string{cardActiveTold, cardHostLost, cardHostStopped}
	again := []string{cardRunKilled, cardRunTold}
	if o.short && (o.only == "" || o.only == "crowd") {
		return again, slices.Concat(takeovers, workers)
	}
	workers, takeovers = append(workers, cardWorkerCut), append(takeovers, cardActiveKilled, cardActiveBack)
	if o.only != "" && o.only != "crowd" {
		return asked(o, workers, again), asked(o, takeovers)
	}
	const more, most = 3, 4
	return append(slices.Repeat(workers, more), slices.Repeat(again, most)...), append(slices.Repeat(workers, more), slices.Repeat(takeovers, most)...)
}

// asked are the cards that ONLY names.
func asked(o options, lists ...[]string) (deck []string) {
	for _, card := range slices.Concat(lists...) {
		if strings.Contains(card, o.only) {
			deck = append(deck, slices.Repeat([]string{card}, o.times)...)
		}
	}
	return deck
}

func (c *crowd) expect(cards []string) {
	c.tally.expect(cards...)
	if slices.Contains(cards, cardWorkerStopped) {
		c.tally.expect(leaseLost)
	}
	if slices.Contains(cards, cardActiveTold) && slices.Contains(cards, cardHostStopped) { // two takeovers at least
		c.tally.expect(awayCut, awayStopped)
	}
}

func (c *crowd) card(ctx context.Context, card string) error {
	w := c.workers[c.rng.IntN(crowdSize)]
	switch card {
	case cardWorkerKilled:
		return c.restart(w, false)
	case cardWorkerStopped:
		w.Signal(syscall.SIGSTOP)
		pause(ctx, beyondLease)
		w.Signal(syscall.SIGCONT)
	case cardWorkerCut:
		w.cut()
		pause(ctx, beyondLease)
		w.mend()
	case cardWorkerTold:
		return c.restart(w, true)
	case cardRunKilled, cardRunTold:
		return c.again(ctx, card == cardRunTold)
	default:
		return c.passed(ctx, card)
	}
	return nil
}

// away puts a worker out of reach in two of three takeovers, until it is found: what it
// may still do for the former host is nothing that the next one could know of.
func (c *crowd) away() (found func()) {
	w := c.workers[c.rng.IntN(crowdSize)]
	c.passes++
	switch c.passes % 3 {
	case 1:
		w.cut()
		c.tally.add(awayCut, 1)
		return w.mend
	case 2:
		w.Signal(syscall.SIGSTOP)
		c.tally.add(awayStopped, 1)
		return func() { w.Signal(syscall.SIGCONT) }
	}
	return func() {}
}

func (w *hand) cut() {
	for _, cable := range w.cables {
		cable.Cut()
	}
}

func (w *hand) mend() {
	for _, cable := range w.cables {
		cable.Mend()
	}
}

// again ends the only run host, and starts it again on its directory.
func (c *crowd) again(ctx context.Context, told bool) error {
	h := c.current()
	if told {
		if err := h.stop(ctx); err != nil {
			return err
		}
		if err := c.inspect(ctx, h, true); err != nil {
			return err
		}
	} else if err := c.kill(ctx, h); err != nil {
		return err
	}
	c.count(h)
	if err := h.start(); err != nil {
		return err
	}
	return h.becomes(ctx, "active", patience)
}

// ends tells a process to end, which must be clean.
func ends(p *stage.Process, patience time.Duration) error {
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.Done():
	case <-time.After(patience):
		return fmt.Errorf("the worker does not end within %s:\n%s", patience, p.Log)
	}
	if code := p.Code(); code != 0 && p.Log.String() != "" { // else it was not yet listening
		return fmt.Errorf("exit code %d of the worker after SIGTERM:\n%s", code, p.Log)
	}
	return nil
}
