package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// operation is something done to the topic or to the group's offsets, and what
// must come of it.
type operation struct {
	name string
	play func(context.Context, *trial) error
}

func operations() []operation {
	return []operation{
		{"topic recreated", playRecreated},
		{"topic truncated behind the cursor", playExpired},
		{"offsets moved back", playMovedBack},
		{"offsets deleted", playNoOffsets},
		{"topic restored from an older state", playRestored},
	}
}

// proveSurgery plays each operation; what the dispatcher must do then differs,
// so that each has its own expectations.
func proveSurgery(ctx context.Context, o options, binary string) error {
	for _, op := range operations() {
		if o.only != "" && !strings.Contains("surgery: "+op.name, o.only) {
			continue
		}
		began := time.Now()
		a, err := newArena(ctx, arenaConfig{binary: binary, fast: o.fast, partitions: 1})
		if err != nil {
			return err
		}
		t := &trial{arena: a, know: newKnowledge(), watch: newObserver(a), seqs: make(map[string]int)}
		err = op.play(ctx, t)
		t.end()
		a.close()
		if err != nil {
			return fmt.Errorf("%s: %w", op.name, err)
		}
		note("%-36s as it must be (%.1fs)", op.name, time.Since(began).Seconds())
	}
	return nil
}

// begin has a host carry out n messages of one key, committed.
func (t *trial) begin(ctx context.Context, n int) (*host, error) {
	h, err := t.host(ctx, "active")
	if err != nil {
		return nil, err
	}
	return h, t.more(ctx, n, int64(n))
}

// more sends n messages of the key and waits for the commit.
func (t *trial) more(ctx context.Context, n int, commit int64) error {
	var messages []*message
	for range n {
		messages = append(messages, t.update("a", 0, "observation"))
	}
	if err := t.send(ctx, messages...); err != nil {
		return err
	}
	return t.committed(ctx, commit)
}

// values checks the effective values of the control, in order.
func (t *trial) values(want ...int) error {
	var got, wanted []string
	for _, c := range t.api.History("applied-controls", t.land.control[0]) {
		got = append(got, fmt.Sprint(c.Fields["observation"]))
	}
	for _, n := range want {
		wanted = append(wanted, fmt.Sprintf("a/%d", n))
	}
	if strings.Join(got, " ") != strings.Join(wanted, " ") {
		return fmt.Errorf("values %v instead of %v", got, wanted)
	}
	return nil
}

// ended checks that a job has succeeded.
func (t *trial) succeeded(ctx context.Context, h *host, ids ...string) error {
	list, err := h.jobs(ctx)
	if err != nil {
		return err
	}
	states := make(map[string]string)
	for _, j := range list {
		states[j.ID] = j.State
	}
	for _, id := range ids {
		if states[id] != "succeeded" {
			return fmt.Errorf("job %s is %q", id, states[id])
		}
	}
	return nil
}

// playRecreated: the new topic is read from its beginning, under new ids.
func playRecreated(ctx context.Context, t *trial) error {
	h, err := t.begin(ctx, 3)
	if err != nil {
		return err
	}
	if err := t.kafka.Delete(ctx, topic); err != nil {
		return err
	}
	pause(ctx, time.Second) // the new records must be newer
	if err := t.createTopic(ctx, topic, 1); err != nil {
		return err
	}
	if err := t.send(ctx, t.update("a", 0, "observation"), t.update("a", 0, "observation")); err != nil {
		return err
	}
	if err := t.written(ctx, 0, 5); err != nil {
		return err
	}
	if err := t.values(1, 2, 3, 4, 5); err != nil {
		return err
	}
	return poll(ctx, patience, "the new jobs", func() error {
		return t.succeeded(ctx, h, "observation-0-0~2", "observation-0-1~2")
	})
}

// playExpired: what Kafka dropped unread is said, and the rest carried out.
func playExpired(ctx context.Context, t *trial) error {
	h, err := t.begin(ctx, 3)
	if err != nil {
		return err
	}
	if err := h.stop(ctx); err != nil {
		return err
	}
	var waiting []*message
	for range 4 {
		waiting = append(waiting, t.update("a", 0, "observation"))
	}
	if err := t.send(ctx, waiting...); err != nil {
		return err
	}
	if err := t.kafka.DeleteRecords(ctx, topic, 0, 5); err != nil { // 3 and 4 are gone unread
		return err
	}
	if err := h.start(); err != nil {
		return err
	}
	if err := t.committed(ctx, 7); err != nil {
		return err
	}
	if !h.Log.Has("2 messages expired unread") {
		return fmt.Errorf("nothing is said about them:\n%s", h.tail())
	}
	return t.values(1, 2, 3, 6, 7)
}

// playMovedBack: an operator wants a replay, and gets it in order.
func playMovedBack(ctx context.Context, t *trial) error {
	h, err := t.begin(ctx, 4)
	if err != nil {
		return err
	}
	if err := h.stop(ctx); err != nil {
		return err
	}
	if err := t.kafka.SetOffset(ctx, group, topic, 0, 2); err != nil {
		return err
	}
	if err := h.start(); err != nil {
		return err
	}
	if err := t.committed(ctx, 4); err != nil {
		return err
	}
	if err := t.values(1, 2, 3, 4, 3, 4); err != nil {
		return err
	}
	return t.succeeded(ctx, h, "observation-0-2~2", "observation-0-3~2")
}

// playNoOffsets: without a commit the directory's own knowledge counts.
func playNoOffsets(ctx context.Context, t *trial) error {
	h, err := t.begin(ctx, 3)
	if err != nil {
		return err
	}
	if err := h.stop(ctx); err != nil {
		return err
	}
	if err := t.kafka.DeleteOffsets(ctx, group, topic, 0); err != nil {
		return err
	}
	if err := h.start(); err != nil {
		return err
	}
	if err := t.more(ctx, 1, 4); err != nil {
		return err
	}
	return t.values(1, 2, 3, 4)
}

// playRestored: a log that ends before what was read is held until an operator
// decides, and nothing is carried out meanwhile.
func playRestored(ctx context.Context, t *trial) error {
	old := t.update("a", 0, "observation")
	if err := t.send(ctx, old); err != nil {
		return err
	}
	h, err := t.begin(ctx, 3)
	if err != nil {
		return err
	}
	if err := h.stop(ctx); err != nil {
		return err
	}
	if err := t.kafka.Delete(ctx, topic); err != nil {
		return err
	}
	if err := t.createTopic(ctx, topic, 1); err != nil {
		return err
	}
	if err := t.produceAt(ctx, old, time.Now().Add(-time.Hour)); err != nil {
		return err
	}
	if err := h.start(); err != nil {
		return err
	}
	if err := poll(ctx, patience, "the hold", func() error {
		if !h.Log.Has("--reset-cursor") {
			return fmt.Errorf("it says:\n%s", h.tail())
		}
		return nil
	}); err != nil {
		return err
	}
	if err := h.stop(ctx); err != nil {
		return err
	}
	if err := h.start("--reset-cursor"); err != nil {
		return err
	}
	if err := h.becomes(ctx, "active", patience); err != nil {
		return err
	}
	if err := t.send(ctx, t.update("a", 0, "observation")); err != nil {
		return err
	}
	if err := t.written(ctx, 0, 5); err != nil {
		return err
	}
	return t.values(1, 2, 3, 4, 5)
}
