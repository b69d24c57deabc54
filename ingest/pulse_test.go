package ingest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	"dispatcher/internal/fakekafka"
)

// renewed notes until when a process was vouched for.
type renewed struct {
	works
	until atomic.Int64
}

func (r *renewed) Renew(until time.Duration) { r.until.Store(int64(until)) }

func TestOnlyAnAnsweredHeartbeatVouchesForTheSession(t *testing.T) {
	t.Parallel()
	cluster, err := fakekafka.Start(fakekafka.Config{Topics: map[string]int32{"observation": 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	l, err := (Connection{Servers: []string{cluster.Addr}, Protocol: "PLAINTEXT"}).links()
	if err != nil {
		t.Fatal(err)
	}
	var answer, throttle atomic.Int32
	cluster.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode, resp.ThrottleMillis = int16(answer.Load()), throttle.Load()
		return resp, nil, true
	})
	clock := time.Hour
	r := &renewed{}
	s := &session{Group: &Group{cfg: Config{
		GroupID: "g", SessionTimeout: 6 * time.Second, Scheduler: r, Uptime: func() time.Duration { return clock },
	}, links: l}, generation: &kafka.Generation{ID: 1, MemberID: "m"}}
	throttle.Store(300)
	if err := s.vouch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := time.Duration(r.until.Load()); got != time.Hour+6*time.Second {
		t.Fatalf("vouched for until %s", got)
	}
	clock += time.Second
	answer.Store(int32(kafka.RebalanceInProgress))
	if err := s.vouch(t.Context()); err == nil || time.Duration(r.until.Load()) != time.Hour+6*time.Second || !errors.Is(err, kafka.RebalanceInProgress) {
		t.Errorf("an answer that ends the generation vouches for it: %v", err)
	}
}
