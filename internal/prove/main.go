package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := prove(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "prove:", err)
		stop()
		os.Exit(1)
	}
}

// options are what the environment asks for.
type options struct {
	seed  uint64
	short bool
	fast  bool
	only  string // cards that have this in their name
	times int    // of each of them
}

func readOptions() (o options, err error) {
	o = options{short: os.Getenv("SHORT") != "", fast: os.Getenv("FAST") != "", only: os.Getenv("ONLY"), times: 1}
	if given := os.Getenv("TIMES"); given != "" {
		if o.times, err = strconv.Atoi(given); err != nil {
			return o, fmt.Errorf("TIMES=%s: %w", given, err)
		}
	}
	o.seed = rand.Uint64N(1_000_000)
	if given := os.Getenv("SEED"); given != "" {
		if o.seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			return o, fmt.Errorf("SEED=%s: %w", given, err)
		}
	}
	return o, nil
}

func prove(ctx context.Context) error {
	o, err := readOptions()
	if err != nil {
		return err
	}
	note("SEED=%d", o.seed)
	began := time.Now()
	dir, err := os.MkdirTemp("", "dispatcher-prove-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := build(dir)
	if err != nil {
		return err
	}
	attacks := []func(context.Context, options, string) error{proveSurgery, proveOutage, proveCrowd, proveStorm}
	if len(os.Args) > 1 {
		attack := map[string]func(context.Context, options, string) error{"sabotage": proveSabotage, "power": provePower}[os.Args[1]]
		if attack == nil {
			return fmt.Errorf("%q is no attack", os.Args[1])
		}
		attacks = attacks[:0:0]
		attacks = append(attacks, attack)
	}
	for _, attack := range attacks {
		if err := attack(ctx, o, binary); err != nil {
			return fmt.Errorf("SEED=%d: %w", o.seed, err)
		}
	}
	note("took %s", time.Since(began).Round(time.Second))
	return nil
}

// proveStorm runs the storm and asks the oracle.
func proveStorm(ctx context.Context, o options, binary string) error {
	cards := deck(o)
	if len(cards) == 0 {
		return nil // ONLY names something else
	}
	a, err := newArena(ctx, arenaConfig{binary: binary, fast: o.fast, partitions: 3})
	if err != nil {
		return err
	}
	defer a.close()
	note("Kafka: %s", a.broker.Name())
	cfg := stormConfig{seed: o.seed, deck: cards, every: 40 * time.Millisecond}
	if o.short {
		cfg.every /= 2 // less time, more at once
	}
	s := newStorm(a, cfg)
	if err := s.run(ctx, cfg); err != nil {
		return err
	}
	verdict, err := newOracle(ctx, a, s.load.sent, s.know, s.watch)
	if err != nil {
		return err
	}
	verdict.judge()
	return totals(s, verdict)
}

// deck is what strikes in the full or the short form.
func deck(o options) (cards []string) {
	n := map[string]int{cardKill: 100, cardTerm: 10, cardTakeover: 10, cardLost: 10, cardZombie: 6, cardCopy: 6}
	crashes := 4
	if o.short {
		n = map[string]int{cardKill: 20, cardTerm: 3, cardTakeover: 2, cardLost: 2, cardZombie: 1, cardCopy: 1}
		crashes = 1
	}
	for _, point := range crashPoints {
		n[cardCrash+point] = crashes
	}
	for _, card := range sorted(n) {
		switch {
		case o.only == "":
			cards = append(cards, slices.Repeat([]string{card}, n[card])...)
		case strings.Contains(card, o.only):
			cards = append(cards, slices.Repeat([]string{card}, o.times)...)
		}
	}
	return cards
}
