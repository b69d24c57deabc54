package main

import (
	"context"
	"fmt"
)

// many compares what a job costs when few wait in Kafka, and when many do and the
// ledger keeps all that have ended.
func (b *bench) many(ctx context.Context) error {
	const few, often, lots = 2_000, 10, 200_000
	var little float64
	for range often { // one of them is too short for a clock of 10 ms
		_, cpu, err := b.pipeline(ctx, 64, few)
		if err != nil {
			return err
		}
		little += cpu / often
	}
	rate, cpu, err := b.pipeline(ctx, 64, lots)
	if err != nil {
		return err
	}
	fmt.Printf("\nprocessor time per job         %8.0f µs of %d jobs, %.0f µs of %d (%.0f jobs/s): ratio %.2f\n", little, few, cpu, lots, rate, cpu/little)
	b.result["cpu of 200,000 jobs to 2,000"] = cpu / little
	return nil
}
