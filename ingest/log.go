package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/jobs"
)

// topicLog looks at a topic without creating it.
type topicLog struct{ client *kafka.Client }

// errMissing says that a topic does not exist.
var errMissing = errors.New("topic does not exist")

// partitions returns the partitions of a topic, [errMissing] if there is none.
func (l topicLog) partitions(ctx context.Context, topic string) (ids []int32, err error) {
	meta, err := l.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, fmt.Errorf("look up topic %s: %w", topic, err)
	}
	for _, t := range meta.Topics {
		if t.Name != topic {
			continue
		}
		if errors.Is(t.Error, kafka.UnknownTopicOrPartition) {
			return nil, errMissing
		}
		if t.Error != nil {
			return nil, fmt.Errorf("look up topic %s: %w", topic, t.Error)
		}
		for _, p := range t.Partitions {
			ids = append(ids, int32(p.ID))
		}
	}
	if len(ids) == 0 {
		return nil, errMissing
	}
	return ids, nil
}

// bounds returns the first and the next offset of partitions.
func (l topicLog) bounds(ctx context.Context, topic string, ids []int32) (map[int32][2]int64, error) {
	var requests []kafka.OffsetRequest
	for _, id := range ids {
		requests = append(requests, kafka.FirstOffsetOf(int(id)), kafka.LastOffsetOf(int(id)))
	}
	resp, err := l.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: requests}})
	if err != nil {
		return nil, fmt.Errorf("list offsets of %s: %w", topic, err)
	}
	bounds := make(map[int32][2]int64)
	for _, p := range resp.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("list offsets of %s-%d: %w", topic, p.Partition, p.Error)
		}
		bounds[int32(p.Partition)] = [2]int64{p.FirstOffset, p.LastOffset}
	}
	for _, id := range ids { // none would read as an empty log: recreated
		if _, ok := bounds[id]; !ok {
			return nil, fmt.Errorf("list offsets of %s-%d: it is missing in the answer", topic, id)
		}
	}
	return bounds, nil
}

// commits returns the group's commits: offset and metadata by partition.
func (l topicLog) commits(ctx context.Context, group, topic string, ids []int32) (map[int32]kafka.OffsetFetchPartition, error) {
	numbers := make([]int, len(ids))
	for i, id := range ids {
		numbers[i] = int(id)
	}
	resp, err := l.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: numbers}})
	if err == nil {
		err = resp.Error
	}
	if err != nil {
		return nil, fmt.Errorf("read the commits of group %s: %w", group, err)
	}
	commits := make(map[int32]kafka.OffsetFetchPartition)
	for _, p := range resp.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("read the commit of %s-%d: %w", topic, p.Partition, p.Error)
		}
		commits[int32(p.Partition)] = p
	}
	for _, id := range ids { // none would read as a commit of 0: replay everything
		if _, ok := commits[id]; !ok {
			return nil, fmt.Errorf("read the commit of %s-%d: it is missing in the answer", topic, id)
		}
	}
	return commits, nil
}

// How many bytes are asked for to see one record. A broker sends the first batch
// whole, however large it is (KIP-74), and with one byte nothing else: the topic is
// looked at every few seconds, and all that is behind would come along. More is asked
// for only if that batch held no record: a transaction's marker, say.
const (
	glance   = 1
	longLook = 64 << 20
)

// record returns the record at an offset, or the next one; ok is false if there
// is none.
func (l topicLog) record(ctx context.Context, p jobs.Partition, offset int64) (e jobs.Envelope, ok bool, err error) {
	if e, ok, err = l.firstOf(ctx, p, offset, glance); ok || err != nil {
		return e, ok, err
	}
	return l.firstOf(ctx, p, offset, longLook)
}

// firstOf returns the first record at or after an offset, among so many bytes.
func (l topicLog) firstOf(ctx context.Context, p jobs.Partition, offset, bytes int64) (e jobs.Envelope, ok bool, err error) {
	resp, err := l.client.Fetch(ctx, &kafka.FetchRequest{
		Topic: p.Topic, Partition: int(p.ID), Offset: offset, MinBytes: 1, MaxBytes: bytes, MaxWait: 300 * time.Millisecond,
	})
	if err == nil {
		err = resp.Error
	}
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return e, false, nil
	}
	if err != nil {
		return e, false, fmt.Errorf("read %s at %d: %w", p, offset, err)
	}
	for {
		r, err := resp.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return e, false, nil
		}
		if err != nil {
			return e, false, fmt.Errorf("read %s at %d: %w", p, offset, err)
		}
		if r.Offset < offset {
			continue
		}
		e = jobs.Envelope{Topic: p.Topic, Partition: p.ID, Offset: r.Offset, Timestamp: r.Time.UTC()}
		if e.Key, err = kafka.ReadAll(r.Key); err == nil {
			e.Value, err = kafka.ReadAll(r.Value)
		}
		for _, h := range r.Headers {
			e.Headers = append(e.Headers, jobs.Header{Name: h.Key, Value: h.Value})
		}
		if err != nil {
			return e, false, fmt.Errorf("read %s at %d: %w", p, offset, err)
		}
		e.Bound()
		return e, true, nil
	}
}

// mark tells whether the log still holds what was taken last.
func (l topicLog) mark(ctx context.Context, p jobs.Partition, m *jobs.Mark, first, end int64) (markState, error) {
	if m == nil || m.Offset < first {
		return markUnknown, nil
	}
	if m.Offset >= end {
		return markDifferent, nil
	}
	e, ok, err := l.record(ctx, p, m.Offset)
	if err != nil {
		return markUnknown, err
	}
	if !ok || e.Offset != m.Offset {
		return markUnknown, nil // compacted away
	}
	// Producers that are run again write the same bytes, at another time.
	if e.Hash() != m.Hash || !e.Timestamp.Equal(m.Timestamp) {
		return markDifferent, nil
	}
	return markSame, nil
}

// again reads the record of a source once more; ok is false if the log does not
// hold it, or another one in its place.
func (l topicLog) again(ctx context.Context, source jobs.Source) (e jobs.Envelope, ok bool, err error) {
	e, ok, err = l.record(ctx, jobs.Partition{Topic: source.Topic, ID: source.Partition}, source.Offset)
	if err != nil || !ok {
		return e, false, err
	}
	return e, e.Source().Same(source), nil
}
