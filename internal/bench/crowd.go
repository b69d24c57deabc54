package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The crowd: CISO Assistant as it ships has three workers, and people at work.
const (
	crowdWorkers = 3
	crowdMS      = 20
	crowdFlight  = 64
)

// crowd measures how long another user of a small server waits: with nobody
// beside, beside a bare loop, and beside the dispatcher.
func (b *bench) crowd(ctx context.Context) error {
	if err := b.latency(ctx, crowdMS); err != nil {
		return err
	}
	if err := b.get(ctx, fmt.Sprint("/control/workers/", crowdWorkers), nil); err != nil {
		return err
	}
	fmt.Printf("\n%-44s %14s %14s\n", fmt.Sprintf("%d workers of %d ms, %d in flight", crowdWorkers, crowdMS, crowdFlight), "others' p50 ms", "requests/s")
	beside := map[string]func(context.Context) error{
		"nobody": func(ctx context.Context) error { <-ctx.Done(); return nil },
		"a bare loop": func(ctx context.Context) error {
			_, _ = b.bare(ctx, crowdFlight, 1<<30)
			return nil
		},
		"the dispatcher": func(ctx context.Context) error {
			s, err := b.stage(ctx, 4000, 1024)
			if err != nil {
				return err
			}
			defer s.close()
			if err := s.start(b.api, fmt.Sprint("CONCURRENCY=", crowdFlight)); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		},
	}
	for _, name := range []string{"nobody", "a bare loop", "the dispatcher"} {
		p50, rate, err := b.otherUser(ctx, beside[name])
		if err != nil {
			return err
		}
		fmt.Printf("%-44s %14.0f %14.0f\n", "beside "+name, p50, rate)
		b.result["others p50 ms beside "+name] = p50
	}
	if err := b.get(ctx, "/control/workers/0", nil); err != nil {
		return err
	}
	return b.latency(ctx, 0)
}

// otherUser asks now and then, after work has begun.
func (b *bench) otherUser(ctx context.Context, work func(context.Context) error) (p50, rate float64, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	failed := make(chan error, 1)
	group.Go(func() {
		if err := work(ctx); err != nil {
			failed <- err
		}
	})
	defer group.Wait()
	defer stop()
	time.Sleep(5 * time.Second) // messages produced, process started, limit found
	before, err := b.count(ctx)
	if err != nil {
		return 0, 0, err
	}
	var took []time.Duration
	began := time.Now()
	for range 40 {
		select {
		case err := <-failed:
			return 0, 0, err
		case <-time.After(100 * time.Millisecond):
		}
		asked := time.Now()
		if err := b.exchange(ctx, http.MethodGet, "http://"+b.api+"/api/applied-controls/autocomplete/?limit=2&ref_id=AC-1", nil); err != nil {
			return 0, 0, err
		}
		took = append(took, time.Since(asked))
	}
	after, err := b.count(ctx)
	slices.Sort(took)
	return ms(took[len(took)/2]), 2 * float64(after.Patches-before.Patches) / time.Since(began).Seconds(), err
}
