package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"dispatcher/internal/fakeciso"
)

const (
	lease       = time.Second
	crowdSize   = 3
	beyondLease = 1600 * time.Millisecond
)

// crowd is two coordinators without the API's address, and workers in other
// processes, each with a cable to each of them. Who works and who stands by is the
// storm's affair.
type crowd struct {
	*storm
	seats   [2]*seat
	workers [crowdSize]*hand
	short   bool
	passes  int           // that work was to pass to the other host
	lost    int           // leases, of runs that have ended
	slowest time.Duration // until all workers worked for the host that took over
}

// proveCrowd attacks workers on other hosts, and run under them: first one run host
// alone, where nothing may be repeated, then two that take over from each other.
func proveCrowd(ctx context.Context, o options, binary string) error {
	alone, paired := crowdDecks(o)
	if len(alone)+len(paired) == 0 {
		return nil // ONLY names something else
	}
	a, err := newArena(ctx, arenaConfig{binary: binary, fast: o.fast || o.short, partitions: 2})
	if err != nil {
		return err
	}
	defer a.close()
	note("\nworkers on other hosts: %d of them, a lease of %s; Kafka: %s", crowdSize, lease, a.broker.Name())
	s := &storm{arena: a, rng: rand.New(rand.NewPCG(o.seed, 4)), watch: newObserver(a), know: newKnowledge()}
	s.load = &load{arena: a, gen: newGenerator(o.seed, a.land, a.putFile), every: 40 * time.Millisecond}
	c := &crowd{storm: s, short: o.short}
	defer c.end()
	if err := c.strike(ctx, alone, paired); err != nil {
		return err
	}
	if len(paired) > 0 {
		note("%s  all workers worked for the host that took over within %.1fs", clock(time.Now()), c.slowest.Seconds())
	}
	verdict, err := newOracle(ctx, a, s.load.sent, s.know, s.watch)
	if err != nil {
		return err
	}
	verdict.judge()
	return totals(s, verdict)
}

// strike plays the decks while messages flow, and waits until everything has ended.
func (c *crowd) strike(ctx context.Context, alone, paired []string) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	c.api.AddFault(fakeciso.Fault{Path: written, Times: -1, Share: 0.3, Kind: fakeciso.Slow, Delay: 400 * time.Millisecond}) // so that there is something in hand
	watching, stop := context.WithCancel(ctx)
	flowing, stopFlow := context.WithCancel(ctx)
	var group, made sync.WaitGroup
	group.Go(func() { c.watch.run(watching) })
	made.Go(func() { c.load.run(flowing) })
	c.expect(append(alone, paired...))
	err := c.play(ctx, alone)
	if err == nil && len(paired) > 0 {
		if err = c.pair(ctx, c.seats[1].host); err == nil {
			err = c.play(ctx, paired)
		}
	}
	stopFlow()
	made.Wait()
	c.api.ClearFaults()
	if err == nil {
		err = c.rested(ctx)
	}
	stop()
	group.Wait()
	if err = errors.Join(err, c.load.err); err != nil {
		return fmt.Errorf("%w\nlog of run:\n%s", err, c.current().tail())
	}
	return c.learn(ctx)
}

func (c *crowd) play(ctx context.Context, cards []string) error {
	c.rng.Shuffle(len(cards), func(i, j int) { cards[i], cards[j] = cards[j], cards[i] })
	for i, card := range cards {
		if !pause(ctx, c.between(200*time.Millisecond, 800*time.Millisecond)) {
			return ctx.Err()
		}
		began := time.Now()
		if err := c.card(ctx, card); err != nil {
			return fmt.Errorf("strike %d, %s: %w", i+1, card, err)
		}
		c.tally.add(card, 1)
		note("%s  %3d/%d %-40s %5.1fs  %d messages", clock(began), i+1, len(cards), card, time.Since(began).Seconds(), c.load.count())
	}
	return nil
}

// learn takes over what the directories know that are left.
func (c *crowd) learn(ctx context.Context) error {
	if c.second != nil { // they may have been turned round since the last card
		if _, _, err := c.parts(ctx); err != nil {
			return err
		}
	}
	for _, s := range c.seats {
		if s.host.Process == nil {
			continue
		}
		list, err := s.host.jobs(ctx)
		if err != nil {
			return err
		}
		c.know.learn(s.host.dir, list)
		c.count(s.host)
	}
	c.tally.add(leaseLost, c.lost)
	return nil
}

// count adds the leases that a run has seen end.
func (c *crowd) count(h *host) {
	c.lost += strings.Count(h.Log.String(), "was silent for too long, its job")
}

func (c *crowd) end() {
	for _, w := range c.workers {
		if w != nil && w.Process != nil {
			w.Kill()
		}
	}
	for _, s := range c.seats {
		if s != nil && s.host.Process != nil {
			s.host.Kill()
		}
	}
}
