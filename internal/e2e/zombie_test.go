package e2e

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"dispatcher/internal/fakeciso"
)

// TestAProcessThatSleptItsSessionAwayBeginsNothing: it wakes up, believes that it
// is active, and Kafka, which would know better, does not answer. Another process
// may long have done its jobs.
func TestAProcessThatSleptItsSessionAwayBeginsNothing(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{Latency: 20 * time.Millisecond})
	const messages, concurrency = 600, 2
	var values []string
	for i := range messages {
		ref := fmt.Sprint("c", i)
		w.API.AddControl(map[string]any{"ref_id": ref, "name": ref})
		values = append(values, update(ref, "observation", "done"))
	}
	w.API.Down(true)
	p := w.Start(fmt.Sprint("CONCURRENCY=", concurrency))
	w.Produce(values...)
	w.Known(messages)
	w.API.Down(false)
	writes := func() int { return w.API.Count("PATCH", "/api/applied-controls/") }
	eventually(t, "work to go on", func() error {
		if n := writes(); n < 20 {
			return errorOf(n)
		}
		return nil
	})
	p.Signal(syscall.SIGSTOP)
	time.Sleep(7 * time.Second) // its session lasts six
	asleep := writes()
	silence := make(chan struct{})
	t.Cleanup(func() { close(silence) })
	w.Cluster.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.Cluster.KeepControl()
		w.Cluster.SleepControl(func() { <-silence })
		return nil, nil, false
	})
	p.Signal(syscall.SIGCONT)
	time.Sleep(2 * time.Second) // it writes 40 in each
	// One of each slot may have been let through just before the process was stopped.
	if begun := writes() - asleep; begun > concurrency || asleep == messages {
		t.Errorf("%d writes were begun after the session was over, %d before", begun, asleep)
	}
}
