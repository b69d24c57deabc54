package main

import (
	"context"
	"fmt"
)

// many compares what a job costs the process, from Kafka to its end, when 2,000 come
// and when 200,000 do.
func (b *bench) many(ctx context.Context) error {
	const few, often, lots = 2_000, 10, 200_000
	s, err := b.stage(ctx, few, 1024)
	if err != nil {
		return err
	}
	defer s.close()
	start, err := b.count(ctx)
	if err != nil {
		return err
	}
	if err := s.start(b.api, "CONCURRENCY=64"); err != nil {
		return err
	}
	done := start.Patches
	cost := func(n, times int) (perJob float64, err error) {
		ticks := cpuTicks(s.cmd.Process.Pid)
		for range times {
			if err := s.produce(ctx, n, 1024); err != nil {
				return 0, err
			}
			done += int64(n)
			if err := b.wait(ctx, func() bool { c, err := b.count(ctx); return err == nil && c.Patches >= done }); err != nil {
				return 0, err
			}
		}
		return float64(cpuTicks(s.cmd.Process.Pid)-ticks) * 1e4 / float64(n*times), nil
	}
	if _, err := cost(few, 1); err != nil { // with those that waited, until it is warm
		return err
	}
	done += few
	little, err := cost(few, often)
	if err != nil {
		return err
	}
	much, err := cost(lots, 1)
	if err != nil {
		return err
	}
	fmt.Printf("\nprocessor time per job         %8.0f µs of %d jobs at a time, %.0f µs of %d: ratio %.2f\n", little, few, much, lots, much/little)
	b.result["cpu of 200,000 jobs to 2,000"] = much / little
	return nil
}
