package ingest

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"dispatcher/jobs"
	"dispatcher/store"
)

func TestAStandbyThatIsBehindDisturbsNobody(t *testing.T) {
	t.Parallel()
	k := cluster(t, 1)
	old := t.TempDir()
	b := newHost(t, k.Addr, t.TempDir())
	b.waitRole(t, "active")
	ledger, err := store.Open(store.Options{Path: filepath.Join(old, "ledger")})
	if err != nil {
		t.Fatal(err)
	}
	// It has read 5 once; meanwhile the log was deleted up to 50 by retention.
	p := jobs.Partition{Topic: "observation"}
	if err := ledger.Begin(t.Context(), p, 5, 1, nil); err != nil {
		t.Fatal(err)
	}
	_ = ledger.Close()
	for range 60 {
		if err := k.Produce(t.Context(), kafka.Message{Topic: "observation", Value: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	deleteRecords(t, k.Addr, 50)
	a := newHost(t, k.Addr, old)
	a.waitRole(t, "standby")
	time.Sleep(2 * time.Second) // 40 looks at the topic
	if n, m := a.logs.count("joining the group again"), b.logs.count("active: working"); n > 0 || m > 2 {
		t.Errorf("standby joined again %d times, active took over %d times:\n%s", n, m, a.logs)
	}
}

func TestOneThatComesBackDoesNotTakeOver(t *testing.T) {
	t.Parallel()
	k := cluster(t, 1)
	a := newHost(t, k.Addr, t.TempDir())
	a.waitRole(t, "active")
	b := newHost(t, k.Addr, t.TempDir())
	b.waitRole(t, "standby")
	client := &kafka.Client{Addr: kafka.TCP(k.Addr)}
	// The broker evicts a, as after a session timeout.
	_, err := client.LeaveGroup(t.Context(), &kafka.LeaveGroupRequest{GroupID: "g", Members: []kafka.LeaveGroupRequestMember{{ID: string(a.ledger.MetaGet(memberKey))}}})
	if err != nil {
		t.Fatal(err)
	}
	b.waitRole(t, "active")
	time.Sleep(3 * time.Second) // it joins again after half a second
	if a.Role() != "standby" || b.Role() != "active" {
		t.Errorf("a is %s, b is %s\na:\n%s\nb:\n%s", a.Role(), b.Role(), a.logs, b.logs)
	}
}

func TestACopyDoesNotMakeTheOriginalLeave(t *testing.T) {
	t.Parallel()
	k := cluster(t, 1)
	dir, copyDir := t.TempDir(), t.TempDir()
	first := newHost(t, k.Addr, dir)
	first.waitRole(t, "active")
	if err := k.Produce(t.Context(), kafka.Message{Topic: "observation", Value: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); first.ledger.CommitCounter() == 0; time.Sleep(20 * time.Millisecond) { // asked again, up to a deadline
		if time.Now().After(end) {
			t.Fatal("nothing is committed")
		}
	}
	// The copy: same identity and member id, a lower counter than was committed.
	ledger, err := store.Open(store.Options{Path: filepath.Join(copyDir, "ledger")})
	if err != nil {
		t.Fatal(err)
	}
	_ = ledger.SetIdentity(t.Context(), first.ledger.Identity())
	_ = ledger.MetaSet(t.Context(), memberKey, first.ledger.MetaGet(memberKey))
	_ = ledger.Begin(t.Context(), jobs.Partition{Topic: "observation"}, 0, 1, nil)
	_ = ledger.Close()
	second := newHost(t, k.Addr, copyDir)
	second.waitRole(t, "standby")
	time.Sleep(2 * time.Second) // a heartbeat tells within one
	if first.Role() != "active" || first.logs.count("join group") > 0 {
		t.Errorf("original is %s:\n%s\ncopy:\n%s", first.Role(), first.logs, second.logs)
	}
}

func TestASessionThatIsStoppedBeforeItBeginsEnds(t *testing.T) {
	t.Parallel()
	s := &session{}
	s.stop()
	if ctx := s.begin(t.Context()); ctx.Err() == nil {
		t.Error("it begins all the same")
	}
}

func TestARecreatedTopicWithEqualRecordsIsRecognised(t *testing.T) {
	t.Parallel()
	k := cluster(t, 1)
	p := jobs.Partition{Topic: "observation"}
	l, _ := (Connection{Servers: []string{k.Addr}, Protocol: "PLAINTEXT"}).links()
	log := topicLog{l.client}
	for range 3 {
		if err := k.Produce(t.Context(), kafka.Message{Topic: "observation", Value: []byte("{}"), Time: time.Unix(1000, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	e, _, err := log.record(t.Context(), p, 2)
	if err != nil {
		t.Fatal(err)
	}
	state, err := log.mark(t.Context(), p, &jobs.Mark{Offset: 2, Timestamp: e.Timestamp.Add(-time.Hour), Hash: e.Hash()}, 0, 3)
	if err != nil || state != markDifferent {
		t.Errorf("%v %v", state, err)
	}
}

// moving is a ledger whose cursor goes on to the very end of the log, each time
// before it is looked up.
type moving struct {
	Ledger
	produce func() int64
}

func (m moving) Partition(p jobs.Partition) (jobs.PartitionState, bool) {
	return jobs.PartitionState{Partition: p, Cursor: m.produce()}, true
}

func TestSteadyLoadIsNotTakenForATruncatedLog(t *testing.T) {
	t.Parallel()
	k := cluster(t, 1)
	l, err := (Connection{Servers: []string{k.Addr}, Protocol: "PLAINTEXT"}).links()
	if err != nil {
		t.Fatal(err)
	}
	end := int64(0)
	ledger := moving{produce: func() int64 {
		if err := k.Produce(t.Context(), kafka.Message{Topic: "observation", Value: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		end++
		return end
	}}
	s := &session{Group: &Group{cfg: Config{Topic: "observation", Ledger: ledger}, log: topicLog{l.client}, status: newStatus()}}
	if err := s.sameLogs(t.Context(), []int32{0}); err != nil {
		t.Error(err)
	}
}

func TestReadAheadIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	k := cluster(t, 1)
	value, _ := json.Marshal(strings.Repeat("x", 900<<10))
	for range 300 {
		if err := k.Produce(t.Context(), kafka.Message{Topic: "observation", Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	l, _ := (Connection{Servers: []string{k.Addr}, Protocol: "PLAINTEXT"}).links()
	s := &session{Group: &Group{cfg: Config{Connection: Connection{Servers: []string{k.Addr}}, SessionTimeout: time.Minute, Log: slog.New(slog.DiscardHandler)}, links: l}}
	r := s.reader(jobs.Partition{Topic: "observation"}, decision{})
	defer r.source.close()
	if _, err := r.source.fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second) // it reads 270 MiB in less
	stats := r.source.reader.Stats()
	if stats.QueueLength > 2*queued {
		t.Errorf("%d messages of 900 KiB wait in kafka-go's queue (capacity %d)", stats.QueueLength, stats.QueueCapacity)
	}
}

func deleteRecords(t *testing.T, addr string, offset int64) {
	c, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	req := kmsg.NewDeleteRecordsRequest()
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic = "observation"
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Offset = offset
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	req.TimeoutMillis = 5000
	resp, err := req.RequestWith(t.Context(), c)
	if err != nil || resp.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatal(err, resp)
	}
}
