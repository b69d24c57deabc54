package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"dispatcher/internal/fakeciso"
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

	leaseLost = "a lease that ended with a job in hand"
)

const (
	lease       = time.Second
	crowdSize   = 3
	beyondLease = 1600 * time.Millisecond
)

// crowd is a coordinator without the API's address, and workers in other
// processes, each with a cable of its own.
type crowd struct {
	*arena
	rng     *rand.Rand
	load    *load
	run     *host
	address string
	workers [crowdSize]*hand
	lost    int // leases, of runs that have ended
}

// hand is one worker.
type hand struct {
	*stage.Process
	join  string
	cable *stage.Wire
}

// proveCrowd attacks workers on other hosts, and run under them. No directory
// takes over from another one here: nothing may be repeated.
func proveCrowd(ctx context.Context, o options, binary string) error {
	cards := crowdDeck(o)
	if len(cards) == 0 {
		return nil // ONLY names something else
	}
	a, err := newArena(ctx, arenaConfig{binary: binary, fast: true, partitions: 2})
	if err != nil {
		return err
	}
	defer a.close()
	note("\nworkers on other hosts: %d of them, a lease of %s", crowdSize, lease)
	c := &crowd{arena: a, rng: rand.New(rand.NewPCG(o.seed, 4))}
	c.load = &load{arena: a, gen: newGenerator(o.seed, a.land, a.putFile), every: 40 * time.Millisecond}
	defer c.end()
	s := &storm{arena: a, watch: newObserver(a), know: newKnowledge(), load: c.load}
	if err := c.strike(ctx, cards, s); err != nil {
		return err
	}
	verdict, err := newOracle(ctx, a, c.load.sent, s.know, s.watch)
	if err != nil {
		return err
	}
	verdict.judge()
	return totals(s, verdict)
}

func crowdDeck(o options) (cards []string) {
	times := 6
	if o.short {
		times = 2
	}
	for _, card := range []string{cardWorkerKilled, cardWorkerStopped, cardWorkerCut, cardWorkerTold, cardRunKilled, cardRunTold} {
		n := times
		switch {
		case o.only != "" && !strings.Contains(card, o.only):
			continue
		case o.only != "":
			n = o.times
		}
		for range n {
			cards = append(cards, card)
		}
	}
	return cards
}

// strike plays the deck while messages flow, and waits until everything has ended.
func (c *crowd) strike(ctx context.Context, cards []string, s *storm) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	c.api.AddFault(fakeciso.Fault{Path: written, Times: -1, Share: 0.3, Kind: fakeciso.Slow, Delay: 400 * time.Millisecond}) // so that there is something in hand
	watching, stop := context.WithCancel(ctx)
	flowing, stopFlow := context.WithCancel(ctx)
	var group, made sync.WaitGroup
	group.Go(func() { s.watch.run(watching) })
	made.Go(func() { c.load.run(flowing) })
	c.tally.expect(cards...)
	if slices.Contains(cards, cardWorkerStopped) {
		c.tally.expect(leaseLost)
	}
	err := c.play(ctx, cards)
	stopFlow()
	made.Wait()
	c.api.ClearFaults()
	if err == nil {
		err = c.rested(ctx)
	}
	stop()
	group.Wait()
	if err = errors.Join(err, c.load.err); err != nil {
		return fmt.Errorf("%w\nlog of run:\n%s", err, c.run.tail())
	}
	list, err := c.run.jobs(ctx)
	s.know.learn(list)
	c.count()
	c.tally.add(leaseLost, c.lost)
	return err
}

// begin starts run, and workers that join it.
func (c *crowd) begin(ctx context.Context) (err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c.address = l.Addr().String()
	if c.run, err = c.newHost(); err != nil {
		return errors.Join(err, l.Close())
	}
	if err := errors.Join(l.Close(), c.startRun(ctx)); err != nil {
		return err
	}
	for i := range c.workers {
		w := &hand{join: filepath.Join(c.dir, fmt.Sprintf("w%d.join", i))}
		if w.cable, err = stage.NewWire("127.0.0.1:0", c.address); err != nil {
			return err
		}
		c.onClose(func() { _ = w.cable.Close() })
		err := c.run.lines(ctx, []string{"credentials", "worker", "--name", fmt.Sprint("w", i), "--address", w.cable.Addr().String(), "-o", w.join}, nil)
		if err != nil {
			return err
		}
		c.workers[i] = w
		if err := c.startWorker(w); err != nil {
			return err
		}
	}
	return nil
}

func (c *crowd) startRun(ctx context.Context) error {
	more := []string{"LISTEN=" + c.address, "LEASE=" + lease.String(), "CONCURRENCY=0", "API_URL=", "USER_TOKEN_FILE="}
	if err := c.run.start(more...); err != nil {
		return err
	}
	return c.run.becomes(ctx, "active", 30*time.Second)
}

func (c *crowd) startWorker(w *hand) (err error) {
	w.Process, err = c.startWorkerOf(w.join, "CONCURRENCY=4")
	return err
}

// startWorkerOf runs `dispatcher worker` with a join file and more environment.
func (a *arena) startWorkerOf(join string, more ...string) (*stage.Process, error) {
	cmd := stage.Command{Path: a.binary, Args: []string{"worker", "--join", join}, Dir: a.dir, Env: map[string]string{"TMPDIR": a.dir}}
	for _, name := range []string{"API_URL", "USER_TOKEN_FILE", "S3_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY", "API_TIMEOUT", "API_UPLOAD_TIMEOUT", "GRACE", "PATH", "HOME"} {
		cmd.Env[name] = a.env[name]
	}
	for _, m := range more {
		name, value, _ := strings.Cut(m, "=")
		cmd.Env[name] = value
	}
	return stage.Start(cmd)
}

func (c *crowd) play(ctx context.Context, cards []string) error {
	c.rng.Shuffle(len(cards), func(i, j int) { cards[i], cards[j] = cards[j], cards[i] })
	for i, card := range cards {
		if !pause(ctx, 200*time.Millisecond+time.Duration(c.rng.Int64N(int64(600*time.Millisecond)))) {
			return ctx.Err()
		}
		began := time.Now()
		if err := c.card(ctx, card); err != nil {
			return fmt.Errorf("strike %d, %s: %w", i+1, card, err)
		}
		c.tally.add(card, 1)
		note("%s  %3d/%d %-34s %5.1fs  %d messages", clock(began), i+1, len(cards), card, time.Since(began).Seconds(), c.load.count())
	}
	return nil
}

func (c *crowd) card(ctx context.Context, card string) error {
	w := c.workers[c.rng.IntN(crowdSize)]
	switch card {
	case cardWorkerKilled:
		w.Kill()
		return c.startWorker(w)
	case cardWorkerStopped:
		w.Signal(syscall.SIGSTOP)
		pause(ctx, beyondLease)
		w.Signal(syscall.SIGCONT)
	case cardWorkerCut:
		w.cable.Cut()
		pause(ctx, beyondLease)
		w.cable.Mend()
	case cardWorkerTold:
		return errors.Join(ends(w.Process, 20*time.Second), c.startWorker(w))
	case cardRunKilled:
		c.run.Kill()
		c.count()
		return c.startRun(ctx)
	case cardRunTold:
		if err := c.run.stop(ctx); err != nil {
			return err
		}
		c.count()
		return c.startRun(ctx)
	}
	return nil
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

// count adds the leases that the present run has seen end.
func (c *crowd) count() {
	c.lost += strings.Count(c.run.Log.String(), "was silent for too long, its job")
}

func (c *crowd) end() {
	for _, w := range c.workers {
		if w != nil && w.Process != nil {
			w.Kill()
		}
	}
	if c.run != nil && c.run.Process != nil {
		c.run.Kill()
	}
}
