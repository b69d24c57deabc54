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
	c, err := fakekafka.Start(fakekafka.Config{Topics: map[string]int32{"observation": 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	k := kafkatest.Connect(c.Addr, nil)
	defer k.Close()
	for _, value := range []string{"a", "b", "c"} {
		if err := k.Produce(t.Context(), kafka.Message{Topic: "observation", Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		c.SleepControl(func() { time.Sleep(700 * time.Millisecond) }) // the slowness that is tested
		return nil, nil, false
	})
	var waited []time.Duration
	open := func(patience time.Duration, troubled kafka.LoggerFunc) *kafka.Reader {
		return kafka.NewReader(kafka.ReaderConfig{
			Brokers: []string{c.Addr}, Topic: "observation", MinBytes: 1, MaxBytes: 1 << 20, MaxWait: patience,
			ReadBackoffMin: time.Millisecond, ReadBackoffMax: 10 * time.Millisecond, MaxAttempts: 1 << 30, ErrorLogger: troubled,
		})
	}
	s := newSource(1, 4*time.Second, open, func(patience time.Duration) { waited = append(waited, patience) })
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
