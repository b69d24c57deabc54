package ingest

import (
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	"dispatcher/internal/fakekafka"
	"dispatcher/internal/kafkatest"
)

// TestABrokerThatIsSlowerThanTheReaderWaitsIsReadNevertheless: kafka-go alone
// would ask for the same record for ever.
func TestABrokerThatIsSlowerThanTheReaderWaitsIsReadNevertheless(t *testing.T) {
	t.Parallel()
	c := topicOf(t, []byte("a"), []byte("b"), []byte("c"))
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		c.SleepControl(func() { time.Sleep(700 * time.Millisecond) }) // the slowness that is tested
		return nil, nil, false
	})
	var waited []time.Duration
	s := newSource(1, 4*time.Second, readerOf(c.Addr), func(a asking) { waited = append(waited, a.patience) })
	defer s.close()
	for want := int64(1); want < 3; want++ {
		m, err := s.fetch(t.Context())
		if err != nil || m.Offset != want {
			t.Fatalf("offset %d, want %d: %v", m.Offset, want, err)
		}
	}
	if len(waited) == 0 || waited[0] != time.Second {
		t.Errorf("the reader's patience went to %v", waited)
	}
}

// readerOf opens readers of the topic observation.
func readerOf(broker string) func(asking, kafka.LoggerFunc) *kafka.Reader {
	return func(a asking, troubled kafka.LoggerFunc) *kafka.Reader {
		return kafka.NewReader(kafka.ReaderConfig{
			Brokers: []string{broker}, Topic: "observation", MinBytes: 1, MaxBytes: a.bytes, MaxWait: a.patience,
			ReadBackoffMin: time.Millisecond, ReadBackoffMax: 10 * time.Millisecond, MaxAttempts: 1 << 30, ErrorLogger: troubled,
		})
	}
}

// topicOf is a broker whose topic observation has these records, each in a batch of its own.
func topicOf(t *testing.T, values ...[]byte) *fakekafka.Cluster {
	t.Helper()
	c, err := fakekafka.Start(fakekafka.Config{Topics: map[string]int32{"observation": 1}, MaxMessage: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	k := kafkatest.Connect(c.Addr, nil)
	defer k.Close()
	for _, value := range values {
		if err := k.Produce(t.Context(), kafka.Message{Topic: "observation", Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestABrokerThatIsSlowWithMuchIsAskedForLess: the patience has a limit, as a
// close has to end within the session.
func TestABrokerThatIsSlowWithMuchIsAskedForLess(t *testing.T) {
	t.Parallel()
	large := make([]byte, 3<<20) // more than is asked for in the end
	c := topicOf(t, large, []byte("b"), large)
	c.ControlKey(int16(kmsg.Fetch), func(q kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		// kafka-go asks for a little more, for what is around the records.
		if asked := q.(*kmsg.FetchRequest).Topics[0].Partitions[0].PartitionMaxBytes; asked > leastBytes+1000 {
			c.SleepControl(func() { time.Sleep(700 * time.Millisecond) }) // the slowness that is tested
		}
		return nil, nil, false
	})
	var asked []asking
	s := newSource(0, 500*time.Millisecond, readerOf(c.Addr), func(a asking) { asked = append(asked, a) })
	defer s.close()
	for want := range int64(3) {
		m, err := s.fetch(t.Context())
		if err != nil || m.Offset != want {
			t.Fatalf("offset %d, want %d: %v", m.Offset, want, err)
		}
	}
	if len(asked) != 3 || asked[2] != (asking{500 * time.Millisecond, leastBytes}) {
		t.Errorf("asked as %v", asked)
	}
}
