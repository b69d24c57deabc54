package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/fakeciso"
	"dispatcher/internal/fakekafka"
	"dispatcher/internal/kafkatest"
)

func keyed(key, value string) kafka.Message {
	return kafka.Message{Topic: "observation", Key: []byte(key), Value: []byte(value)}
}

func TestOffsetsThatAnOperatorMovedBackAreReplayed(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	id := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := w.Start()
	w.Produce(update("foo", "observation", "0"), update("foo", "observation", "1"), update("foo", "observation", "2"))
	w.Ended(3)
	w.Committed(0, 3)
	p.Stop()
	if err := w.Kafka.SetOffset(t.Context(), "my-group", "observation", 0, 1); err != nil {
		t.Fatal(err)
	}
	w.Start().Says("moved back")
	jobs := w.Ended(5)
	for _, id := range []string{"observation-0-1~2", "observation-0-2~2"} {
		if jobs[id]["state"] != "succeeded" {
			t.Errorf("%s: %v", id, jobs[id])
		}
	}
	if n := len(w.API.History("applied-controls", id)); n != 5 {
		t.Errorf("%d writes", n)
	}
	w.Committed(0, 3)
}

func TestARecreatedTopicIsReadFromItsBeginning(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Start()
	w.Produce(update("foo", "observation", "0"), update("foo", "observation", "1"))
	w.Ended(2)
	if err := w.Kafka.Delete(t.Context(), "observation"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // the new records must be newer
	if err := w.Kafka.Create(t.Context(), "observation", 1); err != nil {
		t.Fatal(err)
	}
	w.Produce(update("foo", "observation", "a"), update("foo", "observation", "b"), update("foo", "observation", "c"))
	jobs := w.Ended(5)
	for i := range 3 {
		if id := fmt.Sprintf("observation-0-%d~2", i); jobs[id]["state"] != "succeeded" {
			t.Errorf("%s: %v", id, jobs[id])
		}
	}
}

func TestAMissingTopicIsWaitedForAndNeverCreated(t *testing.T) {
	t.Parallel()
	cluster, err := fakekafka.Start(fakekafka.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w := worldOn(t, kafkatest.Connect(cluster.Addr, nil), fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := w.Start()
	p.Says("topic observation does not exist; create it")
	if err := w.Kafka.Create(t.Context(), "observation", 2); err != nil {
		t.Fatal(err)
	}
	w.Produce(update("foo", "status", "active"), update("none", "status", "active"))
	w.Ended(2)
	p.Says("topic errors does not exist; create it")
	if err := w.Kafka.Create(t.Context(), "errors", 1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the error record", func() error {
		if n := len(w.Errors()); n != 1 {
			return fmt.Errorf("%d records", n)
		}
		return nil
	})
}

// TestADeletedTopicIsNotCreatedAgain: brokers create what is asked for, by
// default, and kafka-go asks for what it reads.
func TestADeletedTopicIsNotCreatedAgain(t *testing.T) {
	t.Parallel()
	cluster, err := fakekafka.Start(fakekafka.Config{Topics: map[string]int32{"observation": 1, "errors": 1}, AutoCreate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w := worldOn(t, kafkatest.Connect(cluster.Addr, nil), fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := w.Start()
	w.Produce(update("foo", "observation", "0"))
	w.Ended(1)
	if err := w.Kafka.Delete(t.Context(), "observation"); err != nil {
		t.Fatal(err)
	}
	p.Says("topic observation was deleted")
	p.Says("topic observation does not exist; create it")
	if _, _, err := w.Kafka.Bounds(t.Context(), "observation", 0); err == nil {
		t.Errorf("the topic is there again:\n%s", p.log)
	}
}

func TestAForeignConsumerInTheGroupIsSaidWithTheRemedy(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	foreign := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{w.Kafka.Addr}, Topic: "observation", GroupID: "my-group", MaxWait: 200 * time.Millisecond, SessionTimeout: 6 * time.Second})
	w.Produce(update("foo", "observation", "python"))
	if m, err := foreign.FetchMessage(t.Context()); err != nil {
		t.Fatal(err)
	} else if err := foreign.CommitMessages(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	p := w.Start()
	p.Says("Python dispatcher")
	if err := foreign.Close(); err != nil {
		t.Fatal(err)
	}
	w.Produce(update("foo", "observation", "ours"))
	jobs := w.Ended(1)
	if len(jobs) != 1 || jobs["observation-0-1"]["state"] != "succeeded" {
		t.Errorf("jobs %v", jobs)
	}
}

func TestABrokerThatComesBackIsFoundAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cluster, err := fakekafka.Start(fakekafka.Config{Topics: map[string]int32{"observation": 1, "errors": 1}, DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	w := worldOn(t, kafkatest.Connect(cluster.Addr, nil), fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := w.Start()
	w.Produce(update("foo", "observation", "0"))
	w.Ended(1)
	var port int
	fmt.Sscanf(cluster.Addr[strings.LastIndexByte(cluster.Addr, ':')+1:], "%d", &port)
	cluster.Close()
	p.Says("kafka: work stands still")
	if cluster, err = fakekafka.Start(fakekafka.Config{DataDir: dir, Port: port}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	eventually(t, "a record to be produced", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		return w.Kafka.Produce(ctx, kafka.Message{Topic: "observation", Value: []byte(update("foo", "observation", "1"))})
	})
	for id, job := range w.Ended(2) {
		if job["state"] != "succeeded" {
			t.Errorf("%s: %v", id, job)
		}
	}
}

func TestAddedPartitionsAreRead(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := w.Start()
	p.Says("active: working")
	if err := w.Kafka.AddPartitions(t.Context(), "observation", 3); err != nil {
		t.Fatal(err)
	}
	p.Says("it has 3 partitions now")
	for i := range 3 {
		if err := w.Kafka.ProduceTo(t.Context(), "observation", i, []byte(update("foo", "observation", fmt.Sprint(i)))); err != nil {
			t.Fatal(err)
		}
	}
	if jobs := w.Ended(3); jobs["observation-2-0"]["state"] != "succeeded" {
		t.Errorf("jobs %v", jobs)
	}
}
