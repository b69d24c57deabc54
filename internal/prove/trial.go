package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/fakeciso"
)

// trial is one short course of events with a small number of messages.
type trial struct {
	*arena
	know  *knowledge
	watch *observer
	seqs  map[string]int
	sent  []*message
	hosts []*host
}

// onTrial plays a course of events in an arena of its own and returns what the
// oracle finds. Without a host left running nothing is waited for.
func onTrial(ctx context.Context, cfg arenaConfig, env map[string]string, play func(context.Context, *trial) error) (wrong []string, err error) {
	a, err := newArena(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer a.close()
	for name, value := range env {
		a.env[name] = value
	}
	t := &trial{arena: a, know: newKnowledge(), watch: newObserver(a), seqs: make(map[string]int)}
	defer t.end()
	watching, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		t.watch.run(watching)
		close(done)
	}()
	err = play(ctx, t)
	if err == nil {
		err = t.settle(ctx)
	}
	stop()
	<-done
	if err != nil {
		return nil, err
	}
	verdict, err := newOracle(ctx, a, t.sent, t.know, t.watch)
	if err != nil {
		return nil, err
	}
	verdict.judge()
	return verdict.wrong, nil
}

// settle waits for the end of all messages and learns what the hosts know.
func (t *trial) settle(ctx context.Context) (err error) {
	if err := t.rested(ctx); err != nil {
		return fmt.Errorf("%w\nlog of the last process:\n%s", err, t.hosts[len(t.hosts)-1].tail())
	}
	for _, h := range t.hosts {
		list, e := h.jobs(ctx)
		t.know.learn(h.dir, list)
		err = errors.Join(err, e)
	}
	return err
}

func (t *trial) end() {
	for _, h := range t.hosts {
		if h.Process != nil {
			h.Kill()
		}
	}
}

// host starts a dispatcher on a new directory and waits for its part.
func (t *trial) host(ctx context.Context, part string, more ...string) (*host, error) {
	h, err := t.newHost()
	if err != nil {
		return nil, err
	}
	t.hosts = append(t.hosts, h)
	if err := h.start(more...); err != nil || part == "" {
		return h, err
	}
	return h, h.becomes(ctx, part, patience)
}

// lose ends a host: nothing is left of its directory.
func (t *trial) lose(ctx context.Context, h *host) error {
	h.Kill()
	t.know.switched()
	list, err := h.jobs(ctx)
	t.know.learn(h.dir, list)
	for i := range t.hosts {
		if t.hosts[i] == h {
			t.hosts = append(t.hosts[:i], t.hosts[i+1:]...)
			break
		}
	}
	return err
}

// message begins a message of a key.
func (t *trial) message(key string) *message {
	t.seqs[key]++
	return &message{key: key, seq: t.seqs[key], token: fmt.Sprintf("%s/%d", key, t.seqs[key])}
}

// update is a message that sets a field of a control.
func (t *trial) update(key string, control int, field string) *message {
	m := t.message(key)
	m.update("applied_control", fmt.Sprintf(`{"ref_id":"C%d"}`, control), field, "applied-controls/"+t.land.control[control])
	return m
}

// send produces messages, in order.
func (t *trial) send(ctx context.Context, messages ...*message) error {
	var records []kafka.Message
	for _, m := range messages {
		records = append(records, kafka.Message{Topic: topic, Key: []byte(m.key), Value: []byte(m.value)})
	}
	t.sent = append(t.sent, messages...)
	return t.kafka.Produce(ctx, records...)
}

// until waits until a fault has struck n times.
func (t *trial) until(ctx context.Context, kind fakeciso.FaultKind, n int) error {
	return poll(ctx, patience, fmt.Sprintf("%d of %s", n, kind), func() error {
		if struck := t.api.Struck()[kind]; struck < n {
			return fmt.Errorf("%d", struck)
		}
		return nil
	})
}

// written waits until a control was written n times.
func (t *trial) written(ctx context.Context, control, n int) error {
	return poll(ctx, patience, fmt.Sprintf("%d writes of control %d", n, control), func() error {
		if is := len(t.api.History("applied-controls", t.land.control[control])); is < n {
			return fmt.Errorf("%d", is)
		}
		return nil
	})
}

// committed waits until the group's commit is at an offset.
func (t *trial) committed(ctx context.Context, offset int64) error {
	return poll(ctx, patience, fmt.Sprintf("commit %d", offset), func() error {
		at, _, err := t.kafka.Commit(ctx, group, topic, 0)
		if err == nil && at < offset {
			err = fmt.Errorf("it is %d", at)
		}
		return err
	})
}

// ruin has every write of a control fail until the faults are cleared.
func (t *trial) ruin(control int) {
	t.api.AddFault(fakeciso.Fault{Method: "PATCH", Path: pathOf(t.land.control[control]), Times: -1, Kind: fakeciso.Status, Code: 500, Body: "<h1>Server Error (500)</h1>"})
}

// produceAt produces a message with a timestamp of its own.
func (t *trial) produceAt(ctx context.Context, m *message, at time.Time) error {
	return t.kafka.Produce(ctx, kafka.Message{Topic: topic, Key: []byte(m.key), Value: []byte(m.value), Time: at})
}
