package jobs

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Purge drops the messages of a partition before a sequence. The last message
// of its subject stays, whatever before is.
func (s *Stream) Purge(ctx context.Context, p Partition, before uint64) error {
	newest, err := s.newestOf(ctx, p)
	if err != nil {
		return err
	}
	if before = min(before, newest); before <= 1 {
		return nil
	}
	stream, _, err := s.stream(ctx)
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject(subject(p)), jetstream.WithPurgeSequence(before))
	}
	if err != nil {
		return fmt.Errorf("purge JOBS %s: %w", p, err)
	}
	return nil
}

// newestOf returns a message that is or was the last of its partition: what
// comes later has a higher sequence. 0: the partition has none.
func (s *Stream) newestOf(ctx context.Context, p Partition) (uint64, error) {
	s.mu.Lock()
	newest := s.newest[p]
	s.mu.Unlock()
	if newest > 0 {
		return newest, nil
	}
	newest, _, _, err := s.Last(ctx, p)
	return newest, err
}

// sawLast remembers the last message of a partition.
func (s *Stream) sawLast(p Partition, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest[p] = max(s.newest[p], seq)
}
