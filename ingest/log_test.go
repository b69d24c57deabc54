package ingest

import (
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"dispatcher/jobs"
)

// TestALookAtOneRecordDoesNotReadTheLogBehindIt: it is taken every few seconds, and a
// backlog is long.
func TestALookAtOneRecordDoesNotReadTheLogBehindIt(t *testing.T) {
	t.Parallel()
	large := make([]byte, 3<<20) // comes whole, however little is asked for
	c := topicOf(t, []byte("a"), large, []byte("c"))
	var most atomic.Int32
	var silent atomic.Bool
	c.ControlKey(int16(kmsg.Fetch), func(q kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := q.(*kmsg.FetchRequest)
		asked := &req.Topics[0].Partitions[0]
		most.Store(max(most.Load(), asked.PartitionMaxBytes))
		if asked.PartitionMaxBytes == glance && silent.Load() {
			asked.FetchOffset = 3 // as if the batch held no record
		}
		return nil, nil, false
	})
	l, err := (Connection{Servers: []string{c.Addr}, Protocol: "PLAINTEXT"}).links()
	if err != nil {
		t.Fatal(err)
	}
	log, p := topicLog{l.client}, jobs.Partition{Topic: "observation"}
	for offset, size := range []int{1, len(large), 1} {
		e, ok, err := log.record(t.Context(), p, int64(offset))
		if err != nil || !ok || e.Offset != int64(offset) || len(e.Value) != size {
			t.Errorf("at %d: %d bytes at %d, %v, %v", offset, len(e.Value), e.Offset, ok, err)
		}
	}
	if most.Load() != glance {
		t.Errorf("%d bytes were asked for", most.Load())
	}
	silent.Store(true)
	if e, ok, err := log.record(t.Context(), p, 1); err != nil || !ok || e.Offset != 1 {
		t.Errorf("behind a batch without records: %v, %v", ok, err)
	}
	if _, ok, err := log.record(t.Context(), p, 3); ok || err != nil {
		t.Errorf("at the end: %v, %v", ok, err)
	}
}
