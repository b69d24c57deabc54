package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"dispatcher/ingest"
)

// KafkaConfig says what is read and written there.
type KafkaConfig struct {
	Connection          ingest.Connection
	Observation, Errors string // topics
	GroupID             string
	Timeout             time.Duration // of one question
}

// Kafka looks at brokers, topics and the group.
func Kafka(cfg KafkaConfig) Party {
	return Party{Name: "kafka", Ask: func(ctx context.Context) []Row {
		view, err := ingest.NewView(cfg.Connection)
		if err != nil {
			return []Row{failed("kafka", err, "correct the settings kafka.*")}
		}
		defer view.Close()
		asking, cancel := context.WithTimeout(ctx, cfg.Timeout)
		brokers, err := view.Brokers(asking)
		cancel()
		if err != nil {
			return []Row{failed("kafka", err, fmt.Sprintf("is BOOTSTRAP_SERVERS (%s) right, and kafka up?", strings.Join(cfg.Connection.Servers, ",")))}
		}
		rows := brokerRows(cfg.Connection, brokers)
		asking, cancel = context.WithTimeout(ctx, cfg.Timeout)
		defer cancel()
		observation, errs := view.Topic(asking, cfg.Observation), view.Topic(asking, cfg.Errors)
		rows = append(rows, observationRow(observation), errorsRow(errs, observation))
		group, err := view.Group(asking, cfg.GroupID, observation)
		return append(rows, groupRow(cfg.GroupID, group, err))
	}}
}

func brokerRows(c ingest.Connection, brokers []ingest.Broker) []Row {
	how := c.Protocol
	if strings.HasPrefix(c.Protocol, "SASL") {
		how = fmt.Sprintf("%s, logged in as %s (%s)", c.Protocol, c.Username, c.Mechanism)
	}
	rows := []Row{fine("kafka", fmt.Sprintf("%d broker(s), %s", len(brokers), how))}
	for _, b := range brokers {
		name := fmt.Sprintf("kafka: broker %d", b.ID)
		if b.Err != nil {
			rows = append(rows, failed(name, b.Err, "the address "+b.Address+" is the one that it advertises: it must be reachable from here"))
			continue
		}
		rows = append(rows, fine(name, b.Address))
	}
	return rows
}

// topicTrouble is what is wrong with any topic.
func topicTrouble(name string, t ingest.Topic) (row Row, is bool) {
	switch {
	case t.Missing:
		return wrong(name, "does not exist", "create it: the dispatcher never does"), true
	case t.Err != nil:
		return failed(name, t.Err, "give the user Describe on it"), true
	case t.Leaderless > 0:
		return wrong(name, fmt.Sprintf("%d of %d partitions have no leader", t.Leaderless, len(t.Partitions)), "bring the brokers back"), true
	case t.Told && t.InSync > t.Replicas:
		return wrong(name, fmt.Sprintf("%d replicas, but min.insync.replicas is %d: nothing can be written with acks=all", t.Replicas, t.InSync), "lower it, or add replicas"), true
	}
	return Row{}, false
}

func settings(t ingest.Topic) string {
	if !t.Told {
		return fmt.Sprintf("%d partition(s); its settings may not be read", len(t.Partitions))
	}
	kept := "for ever"
	if t.RetentionMS >= 0 {
		kept = "for " + span(time.Duration(t.RetentionMS)*time.Millisecond)
	}
	return fmt.Sprintf("%d partition(s), kept %s, messages up to %s", len(t.Partitions), kept, humanize.IBytes(uint64(t.MaxBytes)))
}

// span is a duration in days if it is some.
func span(d time.Duration) string {
	if days := d / (24 * time.Hour); days > 1 {
		return fmt.Sprintf("%d days", days)
	}
	return d.String()
}

// shortRetention is below what a long outage over a weekend needs.
const shortRetention = 72 * time.Hour

func observationRow(t ingest.Topic) Row {
	name := "kafka: topic " + t.Name
	if row, is := topicTrouble(name, t); is {
		return row
	}
	value := fmt.Sprintf("%s, %d record(s)", settings(t), t.Records)
	switch {
	case t.Told && t.Compacted:
		return noted(name, value, "it is compacted: of several messages with one key all but the last may be lost unread; set cleanup.policy=delete")
	case t.Told && t.RetentionMS >= 0 && time.Duration(t.RetentionMS)*time.Millisecond < shortRetention:
		return noted(name, value, "messages that wait longer than retention.ms expire unread; raise it above the longest outage you expect")
	}
	return fine(name, value)
}

func errorsRow(t, observation ingest.Topic) Row {
	name := "kafka: topic " + t.Name
	if row, is := topicTrouble(name, t); is {
		return row
	}
	switch value := settings(t); {
	case t.Told && t.Compacted:
		return noted(name, value, "it is compacted: of several failures with one key only the last is kept; set cleanup.policy=delete")
	case t.Told && observation.Told && t.MaxBytes < observation.MaxBytes:
		return noted(name, value, "messages of "+observation.Name+" may be larger: of such a failure only the beginning is reported; raise max.message.bytes")
	default:
		return fine(name, value)
	}
}

func groupRow(id string, g ingest.GroupView, err error) Row {
	name := "kafka: group " + id
	switch {
	case err != nil:
		return failed(name, err, "give the user Read and Describe on the group")
	case len(g.Strangers) > 0:
		return wrong(name, "a consumer of another kind is in it: "+strings.Join(g.Strangers, ", "), "stop it (the Python dispatcher?), or set KAFKA_GROUP_ID")
	}
	lag := "nothing is committed: run would begin with the oldest message"
	if g.Lag >= 0 {
		lag = fmt.Sprintf("%d record(s) behind", g.Lag)
	}
	if g.Members == 0 {
		return fine(name, "nobody is in it; "+lag)
	}
	return fine(name, fmt.Sprintf("%d dispatcher(s), %s; %s", g.Members, strings.ToLower(g.State), lag))
}
