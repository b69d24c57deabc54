package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// load produces messages all the time.
type load struct {
	arena *arena
	gen   *generator
	every time.Duration // between two messages

	mu   sync.Mutex // held while a batch is on its way
	sent []*message
	err  error
}

// run produces until ctx ends.
func (l *load) run(ctx context.Context) {
	began, made := time.Now(), 0
	for pause(ctx, 50*time.Millisecond) {
		due := int(time.Since(began) / l.every)
		if due <= made {
			continue
		}
		n := min(due-made, 50)
		if err := l.batch(ctx, n); err != nil {
			l.err = fmt.Errorf("produce: %w", err)
			return
		}
		if made += n; due-made > 50 { // it was stopped: nothing is made up for
			began, made = time.Now(), 0
		}
	}
}

// batch makes and sends n messages. It is not given up in the middle: a record
// that is sent twice would be two messages.
func (l *load) batch(ctx context.Context, n int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	records := make([]kafka.Message, 0, n)
	for range n {
		m, err := l.gen.next()
		if err != nil {
			return err
		}
		record := kafka.Message{Topic: topic, Value: []byte(m.value)}
		if m.key != "" {
			record.Key = []byte(m.key)
		}
		records, l.sent = append(records, record), append(l.sent, m)
	}
	return l.arena.kafka.Produce(context.WithoutCancel(ctx), records...)
}

// hold runs fn while nothing is produced.
func (l *load) hold(fn func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fn()
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent)
}
