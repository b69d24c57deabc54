package ingest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/safeguard"
	"dispatcher/jobs"
)

// commitEvery is how often changes are committed: what ended since the last
// commit is carried out again if the host is lost.
const commitEvery = time.Second

// committer keeps the group's offsets at the lowest unfinished ones.
type committer struct {
	group      string
	topic      string
	generation *kafka.Generation
	client     *kafka.Client
	ledger     Ledger
	partitions []jobs.Partition
	last       map[jobs.Partition]committed
}

type committed struct {
	offset int64
	above  []jobs.Interval
}

// run commits about once a second what has changed, until ctx ends. It reports
// failures with how many there were in a row.
func (c *committer) run(ctx context.Context, failed func(row int, err error)) {
	row := 0
	tick := time.NewTicker(commitEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch err := c.commit(ctx); {
		case err == nil:
			row = 0
		case ctx.Err() == nil:
			row++
			failed(row, err)
		}
	}
}

// commit sends the present state of the partitions that have changed.
func (c *committer) commit(ctx context.Context) error {
	changed := make(map[jobs.Partition]committed)
	for _, p := range c.partitions {
		low, above := c.ledger.Watermark(p)
		if safeguard.Off("commit after the end") {
			state, _ := c.ledger.Partition(p)
			low, above = state.Cursor, nil
		}
		last, sent := c.last[p]
		if sent && (low < last.offset || low == last.offset && slices.Equal(above, last.above)) {
			continue // nothing new; and a commit never goes back
		}
		changed[p] = committed{low, above}
	}
	if len(changed) == 0 {
		return nil
	}
	counter := c.ledger.CommitCounter() + 1
	// Stored before it is sent: a counter that we never wrote is the sign of a copy.
	if err := c.ledger.SetCommitCounter(ctx, counter); err != nil {
		return fmt.Errorf("commit offsets: %w", err)
	}
	if err := c.send(ctx, changed, counter); err != nil {
		return fmt.Errorf("commit offsets: %w", err)
	}
	for p, state := range changed {
		c.last[p] = state
		if err := c.ledger.Committed(ctx, p, state.offset); err != nil {
			return fmt.Errorf("note commit: %w", err)
		}
	}
	return nil
}

func (c *committer) send(ctx context.Context, changed map[jobs.Partition]committed, counter uint64) error {
	var commits []kafka.OffsetCommit
	for p, state := range changed {
		m := commitMetadata{identity: c.ledger.Identity(), counter: counter, finished: state.above}
		commits = append(commits, kafka.OffsetCommit{Partition: int(p.ID), Offset: state.offset, Metadata: m.encode(state.offset)})
	}
	resp, err := c.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID: c.group, GenerationID: int(c.generation.ID), MemberID: c.generation.MemberID,
		Topics: map[string][]kafka.OffsetCommit{c.topic: commits},
	})
	if err != nil {
		return err
	}
	for _, p := range resp.Topics[c.topic] {
		if p.Error != nil {
			return fmt.Errorf("partition %d: %w", p.Partition, p.Error)
		}
	}
	return nil
}
