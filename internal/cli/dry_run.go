package cli

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"dispatcher/config"
	"dispatcher/ingest"
	"dispatcher/jobs"
	"dispatcher/workers"
)

// dryRun reads beside the real group and tells what each message would do. It
// has no data directory.
type dryRun struct {
	plan func(ctx context.Context, e jobs.Envelope) workers.Plan
	log  *slog.Logger
	wait time.Duration // before a plan that could not be made is tried again
}

// Bounds of a dry run.
const (
	dryWait     = 2 * time.Second
	dryTries    = 3 // of what would be tried again
	dryReminder = 30
	dryObjects  = 10 // that are told of one message
)

func runDry(ctx context.Context, cfg *config.Config, env Env, log *slog.Logger) error {
	planner, tidy, err := newPlanner(cfg, env)
	if err != nil {
		return err
	}
	defer tidy()
	summary(cfg, log)
	group := cfg.Kafka.GroupID + ingest.ShadowSuffix
	log.Info("dry run: nothing is carried out, and nothing is written but the offsets of its own group", "group", group)
	d := &dryRun{plan: planner.Plan, log: log, wait: dryWait}
	shadow := &ingest.Shadow{
		Connection: kafkaConnection(cfg), Topic: cfg.Kafka.ObservationTopic, GroupID: cfg.Kafka.GroupID, Tell: d.tell, Log: log,
	}
	if err := shadow.Run(ctx); err != nil {
		return usagef("kafka settings: %s", err)
	}
	log.Info("stopped")
	return nil
}

// tell plans one message. While a party is away it waits, as a run would.
func (d *dryRun) tell(ctx context.Context, e jobs.Envelope) {
	id := jobs.ID(e.Topic, e.Partition, e.Offset, e.Replay)
	for try := 1; ; try++ {
		plan := d.plan(ctx, e)
		if ctx.Err() != nil {
			return
		}
		again := plan.Error != nil && (plan.Error.Class == workers.ClassHold || plan.Error.Class == workers.ClassTransient && try < dryTries)
		if !again {
			d.say(id, &plan)
			return
		}
		if try%dryReminder == 1 {
			d.log.Warn("would stand still or be tried again", "job", id, "code", plan.Error.Code, "error", plan.Error.Message)
		}
		select {
		case <-time.After(d.wait):
		case <-ctx.Done():
			return
		}
	}
}

func (d *dryRun) say(id string, plan *workers.Plan) {
	var changes []string
	for _, o := range plan.Objects[:min(len(plan.Objects), dryObjects)] {
		changes = append(changes, describeObject(&o))
	}
	attrs := []any{"job", id, "type", plan.Type, "objects", len(plan.Objects), "changes", strings.Join(changes, " | ")}
	if plan.Error != nil {
		d.log.Warn("would fail", append(attrs, "code", plan.Error.Code, "error", plan.Error.Message)...)
		return
	}
	d.log.Info("would succeed", attrs...)
}

// describeObject is a planned object in one line.
func describeObject(o *workers.Planned) string {
	var changes []string
	for _, field := range slices.Sorted(maps.Keys(o.Changes)) {
		changes = append(changes, fmt.Sprintf("%s: %s → %s", field, shown(o.Changes[field].Before), shown(o.Changes[field].After)))
	}
	if len(changes) == 0 {
		changes = []string{"nothing changes"}
	}
	return strings.TrimSpace(o.ID + " " + oneCell(o.Name) + ": " + strings.Join(changes, ", "))
}
