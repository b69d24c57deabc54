package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// Broker is one broker of the cluster.
type Broker struct {
	ID      int
	Address string
	Err     error // why it cannot be reached, with the remedy
}

// Topic is what a cluster tells of a topic.
type Topic struct {
	Name       string
	Missing    bool
	Err        error
	Partitions []int32
	Leaderless int   // partitions that nobody leads
	Records    int64 // between the first and the next offset of all partitions
	Replicas   int   // the fewest of a partition

	Told        bool  // the user may read what follows
	InSync      int   // min.insync.replicas
	RetentionMS int64 // below 0: for ever
	MaxBytes    int64 // max.message.bytes
	Compacted   bool
}

// View looks at a cluster from outside: it joins nothing and writes nothing.
type View struct {
	connection Connection
	links      *links
	log        topicLog
}

// NewView returns a view that has not looked yet.
func NewView(c Connection) (*View, error) {
	l, err := c.links()
	if err != nil {
		return nil, err
	}
	return &View{connection: c, links: l, log: topicLog{l.client}}, nil
}

// Close ends its connections.
func (v *View) Close() { v.links.transport.CloseIdleConnections() }

// Brokers lists the brokers, and connects and logs in to each.
func (v *View) Brokers(ctx context.Context) ([]Broker, error) {
	if err := v.anybody(ctx); err != nil {
		return nil, err
	}
	meta, err := v.links.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{}})
	if err != nil {
		return nil, v.connection.explain(err)
	}
	brokers := make([]Broker, len(meta.Brokers))
	var group sync.WaitGroup
	for i, b := range meta.Brokers {
		brokers[i] = Broker{ID: b.ID, Address: net.JoinHostPort(b.Host, strconv.Itoa(b.Port))}
		group.Go(func() { brokers[i].Err = v.reach(ctx, brokers[i].Address) })
	}
	group.Wait()
	return brokers, nil
}

// anybody returns nil if one of the servers that were named answers: the
// library's own client would try for as long as it may, and tell no reason.
func (v *View) anybody(ctx context.Context) (err error) {
	answers := make(chan error, len(v.connection.Servers))
	for _, address := range v.connection.Servers {
		go func() { answers <- v.reach(ctx, address) }()
	}
	for range v.connection.Servers {
		if err = <-answers; err == nil {
			return nil
		}
	}
	return err
}

// reach connects, logs in, and asks something that every broker answers.
func (v *View) reach(ctx context.Context, address string) error {
	conn, err := v.links.dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return v.connection.explain(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(dialTimeout)) // fails only when it is closed, which the next line tells
	if _, err := conn.ApiVersions(); err != nil {
		return v.connection.explain(fmt.Errorf("%s: %w", address, err))
	}
	return nil
}

// Topic looks at a topic without creating it.
func (v *View) Topic(ctx context.Context, name string) Topic {
	t := Topic{Name: name}
	meta, err := v.links.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{name}})
	if err == nil {
		err = t.read(meta)
	}
	if t.Missing || err != nil {
		if err != nil {
			t.Err = v.connection.explain(err)
		}
		return t
	}
	bounds, err := v.log.bounds(ctx, name, t.Partitions)
	if err != nil {
		t.Err = v.connection.explain(err)
	}
	for _, b := range bounds {
		t.Records += b[1] - b[0]
	}
	v.configure(ctx, &t)
	return t
}

func (t *Topic) read(meta *kafka.MetadataResponse) error {
	for _, found := range meta.Topics {
		if found.Name != t.Name {
			continue
		}
		if found.Error != nil && !errors.Is(found.Error, kafka.UnknownTopicOrPartition) {
			return found.Error
		}
		for _, p := range found.Partitions {
			t.Partitions = append(t.Partitions, int32(p.ID))
			if errors.Is(p.Error, kafka.LeaderNotAvailable) || p.Leader.Host == "" {
				t.Leaderless++
			}
			if t.Replicas == 0 || len(p.Replicas) < t.Replicas {
				t.Replicas = len(p.Replicas)
			}
		}
	}
	t.Missing = len(t.Partitions) == 0
	return nil
}

// configure adds the settings of a topic, if the user may read them.
func (v *View) configure(ctx context.Context, t *Topic) {
	resp, err := v.links.client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: t.Name,
		ConfigNames: []string{"retention.ms", "max.message.bytes", "min.insync.replicas", "cleanup.policy"},
	}}})
	if err != nil {
		return
	}
	for _, resource := range resp.Resources {
		t.Told = t.Told || resource.Error == nil && len(resource.ConfigEntries) > 0
		for _, entry := range resource.ConfigEntries {
			n, err := strconv.ParseInt(entry.ConfigValue, 10, 64)
			switch {
			case entry.ConfigName == "cleanup.policy":
				t.Compacted = entry.ConfigValue != "" && entry.ConfigValue != "delete"
			case err != nil:
			case entry.ConfigName == "retention.ms":
				t.RetentionMS = n
			case entry.ConfigName == "max.message.bytes":
				t.MaxBytes = n
			case entry.ConfigName == "min.insync.replicas":
				t.InSync = int(n)
			}
		}
	}
}
