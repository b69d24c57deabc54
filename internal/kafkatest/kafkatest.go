// Package kafkatest drives a Kafka, embedded or real, from outside: it produces,
// reads whole topics, and looks at groups as Kafka's own tools do.
package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Kafka is a cluster seen from outside.
type Kafka struct {
	Addr   string
	client *kafka.Client
	writer *kafka.Writer
}

// Connect returns a view of the cluster at addr; transport may be nil.
func Connect(addr string, transport *kafka.Transport) *Kafka {
	if transport == nil {
		transport = &kafka.Transport{MetadataTTL: 300 * time.Millisecond}
	}
	return &Kafka{
		Addr:   addr,
		client: &kafka.Client{Addr: kafka.TCP(addr), Transport: transport, Timeout: 10 * time.Second},
		writer: &kafka.Writer{
			Addr: kafka.TCP(addr), Transport: transport, RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond,
			Balancer: &kafka.Hash{}, BatchBytes: 64 << 20, BatchSize: 1000,
		},
	}
}

// Close ends the connections.
func (k *Kafka) Close() error { return k.writer.Close() }

// Produce writes records and waits for all in-sync replicas.
func (k *Kafka) Produce(ctx context.Context, messages ...kafka.Message) error {
	return k.writer.WriteMessages(ctx, messages...)
}

// Create makes a topic.
func (k *Kafka) Create(ctx context.Context, topic string, partitions int) error {
	resp, err := k.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}}})
	if err != nil {
		return err
	}
	return resp.Errors[topic]
}

// Delete removes a topic.
func (k *Kafka) Delete(ctx context.Context, topic string) error {
	resp, err := k.client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err != nil {
		return err
	}
	return resp.Errors[topic]
}

// Records reads all records of a topic, partition by partition.
func (k *Kafka) Records(ctx context.Context, topic string) (all []kafka.Message, err error) {
	meta, err := k.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, err
	}
	for _, t := range meta.Topics {
		for _, p := range t.Partitions {
			some, err := k.partition(ctx, topic, p.ID)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
	}
	return all, nil
}

// Bounds returns the first and the next offset of a partition.
func (k *Kafka) Bounds(ctx context.Context, topic string, partition int) (first, end int64, err error) {
	resp, err := k.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		topic: {kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition)},
	}})
	if err != nil {
		return 0, 0, err
	}
	if found := resp.Topics[topic]; len(found) > 0 {
		return found[0].FirstOffset, found[0].LastOffset, found[0].Error
	}
	return 0, 0, fmt.Errorf("no partition %d of %s", partition, topic)
}

func (k *Kafka) partition(ctx context.Context, topic string, partition int) (all []kafka.Message, err error) {
	offset, end, err := k.Bounds(ctx, topic, partition)
	if err != nil || offset == end {
		return nil, err
	}
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{k.Addr}, Topic: topic, Partition: partition, MinBytes: 1, MaxBytes: 4 << 20, MaxWait: 500 * time.Millisecond, // kafka-go gives up on an answer that is slower
		Dialer: &kafka.Dialer{Timeout: 5 * time.Second, TLS: k.client.Transport.(*kafka.Transport).TLS, SASLMechanism: k.client.Transport.(*kafka.Transport).SASL},
	})
	defer r.Close()
	if err := r.SetOffset(offset); err != nil {
		return nil, err
	}
	for {
		m, err := r.ReadMessage(ctx)
		if err != nil {
			return all, err
		}
		if all = append(all, m); m.Offset >= end-1 {
			return all, nil
		}
	}
}

// Commit returns the group's committed offset and its metadata, -1 if none.
func (k *Kafka) Commit(ctx context.Context, group, topic string, partition int) (offset int64, metadata string, err error) {
	resp, err := k.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {partition}}})
	if err == nil {
		err = resp.Error
	}
	if err != nil {
		return 0, "", err
	}
	if found := resp.Topics[topic]; len(found) > 0 {
		return found[0].CommittedOffset, found[0].Metadata, found[0].Error
	}
	return -1, "", errors.New("no such partition")
}

// SetOffset moves the offset of a group without members, as Kafka's reset tool
// does.
func (k *Kafka) SetOffset(ctx context.Context, group, topic string, partition int, offset int64) error {
	resp, err := k.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID: group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: partition, Offset: offset}}},
	})
	if err != nil {
		return err
	}
	for _, p := range resp.Topics[topic] {
		if p.Error != nil {
			return p.Error
		}
	}
	return nil
}

// DeleteOffsets forgets the group's offset of a partition; it must have no members.
func (k *Kafka) DeleteOffsets(ctx context.Context, group, topic string, partition int) error {
	resp, err := k.client.OffsetDelete(ctx, &kafka.OffsetDeleteRequest{GroupID: group, Topics: map[string][]int{topic: {partition}}})
	if err != nil {
		return err
	}
	for _, p := range resp.Topics[topic] {
		err = errors.Join(err, p.Error)
	}
	return errors.Join(resp.Error, err)
}

// DeleteRecords drops all records of a partition before an offset, as expiry does.
func (k *Kafka) DeleteRecords(ctx context.Context, topic string, partition int, before int64) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Addr))
	if err != nil {
		return err
	}
	defer client.Close()
	req := kmsg.NewDeleteRecordsRequest()
	req.TimeoutMillis = 5000
	part := kmsg.DeleteRecordsRequestTopicPartition{Partition: int32(partition), Offset: before}
	req.Topics = append(req.Topics, kmsg.DeleteRecordsRequestTopic{Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{part}})
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
		}
	}
	return err
}

// AddPartitions grows a topic.
func (k *Kafka) AddPartitions(ctx context.Context, topic string, count int32) error {
	resp, err := k.client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: count}}})
	if err != nil {
		return err
	}
	return resp.Errors[topic]
}

// ProduceTo writes one record to a partition.
func (k *Kafka) ProduceTo(ctx context.Context, topic string, partition int, value []byte) error {
	resp, err := k.client.Produce(ctx, &kafka.ProduceRequest{
		Topic: topic, Partition: partition, RequiredAcks: kafka.RequireAll,
		Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes(value)}),
	})
	if err != nil {
		return err
	}
	return resp.Error
}
