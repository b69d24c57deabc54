package ingest

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"dispatcher/internal/fakekafka"
)

// The broker lets a newcomer wait for members that are gone.
func TestAJoiningThatTakesLongIsSaidAndDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	c, err := fakekafka.Start(fakekafka.Config{Topics: map[string]int32{"observation": 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	c.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		c.SleepControl(func() {
			select {
			case <-over:
			case <-time.After(time.Minute): // the waiting that is tested
			}
		})
		return nil, nil, false
	})
	h := newHost(t, c.Addr, t.TempDir())
	deadline := time.Now().Add(30 * time.Second)
	for h.logs.count("joining group g: the broker waits for members") == 0 {
		if time.Now().After(deadline) {
			t.Fatalf("it is not said: %s", h.logs)
		}
		time.Sleep(20 * time.Millisecond) // asked again, up to the deadline
	}
	began := time.Now()
	h.stop()
	if took := time.Since(began); took > 15*time.Second { // a session is 10 s, and kafka-go waits for two
		t.Errorf("the end took %s", took)
	}
}
