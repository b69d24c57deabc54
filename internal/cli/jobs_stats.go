package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
)

func statsCommand() *cli.Command {
	return &cli.Command{
		Name:  "stats",
		Usage: "count jobs by state and code, and say what stands still and why",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "one JSON object"}},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return withBackend(c, func(ctx context.Context, b control.Backend) error {
				stats, err := b.Stats(ctx)
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return writeJSON(c.App.Writer, stats)
				}
				printStats(envOf(c), &stats, time.Now())
				return nil
			})
		},
	}
}

func printStats(env Env, s *control.Stats, now time.Time) {
	p := page{w: env.Stdout}
	p.line("role", s.Role)
	for _, state := range jobs.States() {
		p.line(state.String(), fmt.Sprint(s.States[state.String()]))
	}
	p.when("oldest", s.OldestUnfinished, now)
	p.line("rate", fmt.Sprintf("%.1f/s over 1m, %.1f/s over 15m", s.Rate["1m"], s.Rate["15m"]))
	p.line("to report", fmt.Sprintf("%d error records not yet acknowledged by Kafka", s.ErrorsPending))
	if s.ResultsPending > 0 {
		p.line("to report", fmt.Sprintf("%d results not yet acknowledged by Kafka", s.ResultsPending))
	}
	for _, code := range slices.Sorted(maps.Keys(s.Codes)) {
		p.line("failed", fmt.Sprintf("%d × %s", s.Codes[code], code))
	}
	for _, h := range s.Holds {
		p.hold(&h, now)
	}
	if n := s.Waiting[jobs.WaitWorker]; n > 0 {
		p.line("waiting", fmt.Sprintf("%d for a worker: none is connected", n))
		p.line("", jobs.WaitWorker.Remedy())
	}
	for _, i := range s.Ingest {
		p.line("ingest", fmt.Sprintf("%s-%d: read up to %d, %d behind the end, committed %d", i.Topic, i.Partition, i.Cursor, i.Lag, i.Committed))
	}
	for _, w := range s.Workers {
		text := fmt.Sprintf("%s: %d running", w.Name, w.Running)
		if !w.LastSeen.IsZero() {
			text += fmt.Sprintf(" of %d, heard of %s", w.Concurrency, ago(w.LastSeen, now))
		}
		p.line("worker", text)
	}
}
