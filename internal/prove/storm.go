package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

// storm strikes the dispatcher at random moments while messages flow.
type storm struct {
	*arena
	rng   *rand.Rand
	load  *load
	watch *observer
	know  *knowledge

	mu     sync.Mutex
	now    *host     // the one that works, or will
	second *host     // beside it, nil: none
	paired time.Time // since when there are two
	shelf  *host     // one whose directory was left behind, and may come back
	kills  int
}

// stormConfig is how much of a storm there is to be.
type stormConfig struct {
	seed  uint64
	deck  []string // strikes, in any order
	every time.Duration
}

func newStorm(a *arena, cfg stormConfig) *storm {
	s := &storm{arena: a, rng: rand.New(rand.NewPCG(cfg.seed, 2)), watch: newObserver(a), know: newKnowledge()}
	s.load = &load{arena: a, gen: newGenerator(cfg.seed, a.land, a.putFile), every: cfg.every}
	return s
}

// run strikes with every card of the deck, then lets everything finish.
func (s *storm) run(ctx context.Context, cfg stormConfig) (err error) {
	first, err := s.newHost()
	if err != nil {
		return err
	}
	s.take(first)
	defer s.end()
	if err := first.start(); err != nil {
		return err
	}
	watching, stopWatching := context.WithCancel(ctx)
	flowing, stopFlow := context.WithCancel(ctx)
	defer stopFlow()
	weather, clear := context.WithCancel(ctx)
	var seen, made, sky sync.WaitGroup
	defer seen.Wait()
	defer stopWatching()
	seen.Go(func() { s.watch.run(watching) })
	made.Go(func() { s.load.run(flowing) })
	var skyErr error
	changing := newWeather(s, cfg.seed)
	sky.Go(func() { skyErr = changing.run(weather) })

	s.tally.expect(cfg.deck...)
	err = s.play(ctx, cfg.deck)
	clear()
	sky.Wait()
	if err == nil && skyErr == nil {
		skyErr = changing.encore(ctx)
	}
	stopFlow()
	made.Wait()
	if err = errors.Join(err, skyErr, s.load.err); err != nil {
		return err
	}
	return s.settle(ctx)
}

// play strikes with every card of the deck.
func (s *storm) play(ctx context.Context, deck []string) error {
	s.rng.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	for i, card := range deck {
		if !pause(ctx, s.between(0, 1200*time.Millisecond)) {
			return ctx.Err()
		}
		began := time.Now()
		if err := s.strike(ctx, card); err != nil {
			return fmt.Errorf("strike %d, %s: %w", i+1, card, err)
		}
		note("%s  %3d/%d %-28s %5.1fs  %d messages", clock(began), i+1, len(deck), card, time.Since(began).Seconds(), s.load.count())
	}
	return nil
}

func (s *storm) between(least, most time.Duration) time.Duration {
	return least + time.Duration(s.rng.Int64N(int64(most-least)))
}

// take makes h the one that works.
func (s *storm) take(h *host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = h
}

func (s *storm) current() *host {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// kill ends a process as a crash does, and looks at what it left.
func (s *storm) kill(ctx context.Context, h *host) error {
	h.Kill()
	s.kills++
	return s.inspect(ctx, h, s.rng.IntN(4) == 0)
}

// inspect learns from a directory on which nothing runs. What it says of the
// present is remembered if nobody else works meanwhile.
func (s *storm) inspect(ctx context.Context, h *host, closely bool) error {
	if !closely {
		return nil
	}
	seen := time.Now()
	list, err := h.jobs(ctx)
	if err != nil {
		return fmt.Errorf("the directory of a dead process: %w", err)
	}
	s.know.learn(h.dir, list)
	if err := s.know.checkStored(ctx, h); err != nil {
		return fmt.Errorf("the directory of a dead process: %w", err)
	}
	if h != s.current() {
		return nil
	}
	shown := 0
	for i := range list {
		j := &list[i]
		if !j.done() && !j.StartedAt.IsZero() && shown < 4 {
			if *j, err = h.show(ctx, j.ID); err != nil {
				return err
			}
			shown++
		}
		s.know.remember(seen, j)
	}
	return nil
}

// leave keeps the directory of a dead process for a later standby; one that was
// kept before is thrown away.
func (s *storm) leave(ctx context.Context, h *host) error {
	old := s.shelf
	s.shelf = h
	if old == nil {
		return nil
	}
	return s.discard(ctx, old)
}

// discard learns all that a directory knows, and deletes it.
func (s *storm) discard(ctx context.Context, h *host) error {
	if err := s.inspect(ctx, h, true); err != nil {
		return err
	}
	return os.RemoveAll(h.dir)
}

// settle ends all faults and waits until Kafka says that everything is done.
func (s *storm) settle(ctx context.Context) error {
	note("%s  the storm is over: everything may finish", clock(time.Now()))
	if err := s.rested(ctx); err != nil {
		return fmt.Errorf("not everything ended: %w\nlog of the last process:\n%s", err, s.current().tail())
	}
	if err := s.learnAll(ctx); err != nil {
		return err
	}
	return s.current().stop(ctx)
}

// rested waits until the commit is at the end of every partition, as long as
// commits tell of progress. How much there is to do is bounded: nothing is
// produced any more.
func (a *arena) rested(ctx context.Context) error {
	for p := range a.partitions {
		_, end, err := a.kafka.Bounds(ctx, topic, p)
		if err != nil {
			return err
		}
		for done, was := false, ""; !done; {
			is := was
			err = poll(ctx, patience, fmt.Sprintf("the commit of partition %d to reach %d", p, end), func() error {
				at, metadata, err := a.kafka.Commit(ctx, group, topic, p)
				is, done = fmt.Sprint(at, " ", metadata), err == nil && at == end
				if err == nil && !done && is == was {
					err = fmt.Errorf("it is %s", is)
				}
				return err
			})
			if err != nil {
				return err
			}
			was = is
		}
	}
	return nil
}

func (s *storm) learnAll(ctx context.Context) error {
	for _, h := range []*host{s.current(), s.shelf} {
		if h == nil {
			continue
		}
		list, err := h.jobs(ctx)
		if err != nil {
			return err
		}
		s.know.learn(h.dir, list)
	}
	return nil
}

// end kills what still runs.
func (s *storm) end() {
	for _, h := range []*host{s.current(), s.second, s.shelf} {
		if h != nil && h.Process != nil {
			h.Kill()
		}
	}
}

func note(format string, args ...any) { fmt.Printf(format+"\n", args...) }
