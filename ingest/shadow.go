package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/jobs"
)

// ShadowSuffix is behind the name of the real group in that of its shadow.
const ShadowSuffix = "-dry"

// Shadow reads what the real group reads, in a group of its own, and passes it
// to whoever wants to know. Nothing is stored but the shadow's own offsets.
type Shadow struct {
	Connection Connection
	Topic      string
	GroupID    string // of the real group
	Tell       func(ctx context.Context, e jobs.Envelope)
	Log        *slog.Logger
}

// shadowCommit is how often offsets are committed: what was told since is told
// again after a crash.
const shadowCommit = time.Second

// Run reads until ctx ends. No trouble with Kafka ends it.
func (s *Shadow) Run(ctx context.Context) error {
	l, err := s.Connection.links()
	if err != nil {
		return err
	}
	said := newStatus()
	for ctx.Err() == nil {
		err := s.member(ctx, l)
		if ctx.Err() == nil && err != nil {
			if err = s.Connection.explain(err); said.remind(err.Error(), false) {
				s.Log.Warn("kafka: nothing is read", "error", err)
			}
		}
		pause(ctx, retryFirst)
	}
	return nil
}

// member joins the shadow's group and stays until something changes.
func (s *Shadow) member(ctx context.Context, l *links) error {
	topics := topicLog{l.client}
	if _, err := topics.partitions(ctx, s.Topic); errors.Is(err, errMissing) { // joining would create it
		return fmt.Errorf("topic %s does not exist; create it (the dispatcher never does)", s.Topic)
	} else if err != nil {
		return err
	}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: s.GroupID + ShadowSuffix, Brokers: s.Connection.Servers, Dialer: l.dialer, Topics: []string{s.Topic},
		GroupBalancers: []kafka.GroupBalancer{kafka.RangeGroupBalancer{}}, StartOffset: kafka.FirstOffset, Timeout: dialTimeout,
	})
	if err != nil {
		return fmt.Errorf("join group %s: %w", s.GroupID+ShadowSuffix, err)
	}
	defer group.Close()
	for {
		generation, err := group.Next(ctx)
		if err != nil {
			return fmt.Errorf("join group %s: %w", s.GroupID+ShadowSuffix, err)
		}
		for _, assigned := range generation.Assignments[s.Topic] {
			p := jobs.Partition{Topic: s.Topic, ID: int32(assigned.ID)}
			from, err := s.begin(ctx, topics, p, assigned.Offset)
			if err != nil {
				return err
			}
			generation.Start(func(ctx context.Context) { s.read(ctx, generation, l, p, from) })
		}
	}
}

// begin returns where to read from: where the shadow stopped, else where the
// real group is, else the oldest message.
func (s *Shadow) begin(ctx context.Context, topics topicLog, p jobs.Partition, committed int64) (int64, error) {
	if committed >= 0 {
		return committed, nil
	}
	real, err := topics.commits(ctx, s.GroupID, p.Topic, []int32{p.ID})
	switch {
	case errors.Is(err, kafka.GroupIdNotFound), err == nil && real[p.ID].CommittedOffset < 0:
		s.Log.Info("no offset is committed: reading from the earliest message", "partition", p.String())
		return kafka.FirstOffset, nil
	case err != nil:
		return 0, err
	}
	s.Log.Info("reading from where the real group is", "partition", p.String(), "offset", real[p.ID].CommittedOffset)
	return real[p.ID].CommittedOffset, nil
}

// read tells of one partition's messages, in order, until its generation ends.
func (s *Shadow) read(ctx context.Context, generation *kafka.Generation, l *links, p jobs.Partition, from int64) {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: s.Connection.Servers, Topic: p.Topic, Partition: int(p.ID), Dialer: l.dialer, MinBytes: 1, MaxBytes: 32 << 20,
		MaxWait: firstPatience, QueueCapacity: queued,
	})
	defer reader.Close()
	_ = reader.SetOffset(from) // fails only for a reader in a group
	committed, told, last := from, from, time.Now()
	commit := func() {
		if told > committed && generation.CommitOffsets(map[string]map[int]int64{p.Topic: {int(p.ID): told}}) == nil {
			committed = told
		}
		last = time.Now()
	}
	defer commit()
	for ctx.Err() == nil {
		waiting, cancel := context.WithTimeout(ctx, shadowCommit)
		m, err := reader.FetchMessage(waiting)
		cancel()
		switch {
		case err == nil && !isControl(&m):
			s.Tell(ctx, envelopeOf(p, 0, &m))
		case err != nil && waiting.Err() == nil:
			s.Log.Debug("kafka: reading is begun anew", "partition", p.String(), "error", err)
			return
		}
		if err == nil && ctx.Err() == nil { // else it was not told to its end
			told = m.Offset + 1
		}
		if time.Since(last) >= shadowCommit {
			commit()
		}
	}
}
