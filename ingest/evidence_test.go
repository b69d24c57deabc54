package ingest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"

	"dispatcher/jobs"
)

func TestOnAssignmentTheCommitIsTheEvidence(t *testing.T) {
	t.Parallel()
	old, newer := time.Unix(1000, 0), time.Unix(2000, 0)
	state := jobs.PartitionState{Cursor: 50, Replay: 1, Committed: 20, Last: &jobs.Mark{Offset: 49, Timestamp: old}}
	// What a process of this data directory finds that has read up to 50, has
	// committed 20, and whose log is the same.
	usual := evidence{known: true, state: state, low: 20, identity: "me", counter: 7, commit: 20, first: 0, end: 60, firstAt: old, mark: markSame,
		metadata: commitMetadata{identity: "me", counter: 7}.encode(20)}
	with := func(change func(*evidence)) evidence {
		e := usual
		change(&e)
		return e
	}
	others := func(counter uint64, low int64, finished ...jobs.Interval) string {
		return commitMetadata{identity: "other", counter: counter, finished: finished}.encode(low)
	}
	for name, c := range map[string]struct {
		e    evidence
		want decision
	}{
		"our own commit: go on":              {usual, decision{from: 50, replay: 1}},
		"no commit, a cursor: go on":         {with(func(e *evidence) { e.commit, e.metadata = -1, "" }), decision{from: 50, replay: 1}},
		"nothing at all: from the earliest":  {evidence{commit: -1, first: 3, end: 9}, decision{begin: true, from: 3, replay: 1}},
		"a commit, no ledger: go on from it": {evidence{commit: 5, metadata: others(1, 5, jobs.Interval{From: 7, To: 8}), end: 20}, decision{begin: true, from: 5, replay: 1, finished: []jobs.Interval{{From: 7, To: 8}}}},
		"the Python dispatcher's commit":     {evidence{commit: 5, end: 20}, decision{begin: true, from: 5, replay: 1}},
		"another process did the first 30":   {with(func(e *evidence) { e.commit, e.metadata = 30, others(3, 30, jobs.Interval{From: 40, To: 44}) }), decision{from: 50, replay: 1, below: 30, finished: []jobs.Interval{{From: 40, To: 44}}}},
		"another process has come further":   {with(func(e *evidence) { e.commit, e.metadata = 55, others(3, 55) }), decision{from: 55, replay: 1, below: 55}},
		"Python has come further":            {with(func(e *evidence) { e.commit, e.metadata = 55, "" }), decision{from: 55, replay: 1, below: 55}},
		"Python stands where we were":        {with(func(e *evidence) { e.commit, e.metadata = 30, "" }), decision{from: 50, replay: 1, below: 30}},
		"an operator moved it back":          {with(func(e *evidence) { e.commit, e.metadata = 10, "" }), decision{begin: true, from: 10, replay: 2}},
		"a counter we never wrote: a copy":   {with(func(e *evidence) { e.metadata = commitMetadata{identity: "me", counter: 9}.encode(20) }), decision{from: 50, replay: 1, below: 20, isCopy: true}},
		"messages expired unread":            {with(func(e *evidence) { e.first, e.end, e.mark = 70, 90, markUnknown }), decision{from: 70, replay: 1, expired: 20}},
		"expired before the first start":     {evidence{commit: 5, first: 8, end: 20}, decision{begin: true, from: 8, replay: 1, expired: 3}},
		"recreated, shorter":                 {with(func(e *evidence) { e.end, e.firstAt, e.mark = 10, newer, markDifferent }), decision{begin: true, from: 0, replay: 2}},
		"recreated, longer":                  {with(func(e *evidence) { e.end, e.firstAt, e.mark = 99, newer, markDifferent }), decision{begin: true, from: 0, replay: 2}},
		"recreated, empty":                   {with(func(e *evidence) { e.end, e.firstAt, e.mark = 0, time.Time{}, markDifferent }), decision{begin: true, from: 0, replay: 2}},
		"truncated, as the operator accepts": {with(func(e *evidence) { e.end, e.mark, e.resetCursor = 40, markDifferent, true }), decision{begin: true, from: 40, replay: 2}},
		"commits of ours that are behind":    {with(func(e *evidence) { e.metadata = commitMetadata{identity: "me", counter: 6}.encode(20) }), decision{from: 50, replay: 1}},
	} {
		got := decide(c.e)
		got.say = ""
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(decision{}), cmp.Comparer(func(a, b error) bool { return (a == nil) == (b == nil) })); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, e := range map[string]evidence{
		"truncated":                   with(func(e *evidence) { e.end, e.mark = 40, markDifferent }),
		"restored with other records": with(func(e *evidence) { e.mark = markDifferent }),
		"commit behind the log's end": {commit: 100, end: 20},
	} {
		if d := decide(e); d.hold == nil || !strings.Contains(d.hold.Error(), "--reset-cursor") {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestOnlyTheHighestRunsAreLeftOutOfACommit(t *testing.T) {
	t.Parallel()
	m := commitMetadata{identity: strings.Repeat("i", 26), counter: 1 << 60}
	for i := range int64(5000) {
		m.finished = append(m.finished, jobs.Interval{From: 1000 + 300*i + 5, To: 1000 + 300*i + 250})
	}
	raw := m.encode(1000)
	if len(raw) > maxMetadata {
		t.Fatalf("%d bytes", len(raw))
	}
	got, ok := decodeMetadata(raw, 1000)
	if !ok || got.identity != m.identity || got.counter != m.counter || len(got.finished) < 500 {
		t.Fatalf("%v, %d runs", ok, len(got.finished))
	}
	if diff := cmp.Diff(m.finished[:len(got.finished)], got.finished); diff != "" {
		t.Error(diff)
	}
}

func FuzzCommitMetadata(f *testing.F) {
	f.Add("", int64(0))
	f.Add("d1:me:7:", int64(5))
	f.Add(commitMetadata{identity: "me", counter: 1, finished: []jobs.Interval{{From: 7, To: 9}, {From: 12, To: 12}}}.encode(5), int64(5))
	f.Add("d1:x:1:____________________", int64(-1))
	f.Fuzz(func(t *testing.T, raw string, low int64) {
		m, ok := decodeMetadata(raw, low)
		if !ok {
			return
		}
		at := low
		for _, run := range m.finished {
			if run.From < at || run.To < run.From {
				t.Fatalf("%q at %d: %v", raw, low, m.finished)
			}
			at = run.To + 1
		}
		if strings.Contains(m.identity, ":") || len(raw) > maxMetadata {
			return
		}
		if again, ok := decodeMetadata(m.encode(low), low); !ok || !cmp.Equal(m, again, cmp.AllowUnexported(commitMetadata{})) {
			t.Errorf("%+v became %+v", m, again)
		}
	})
}

func TestTheOldestActiveMemberKeepsAllPartitions(t *testing.T) {
	t.Parallel()
	partitions := []kafka.Partition{{Topic: "t", ID: 0}, {Topic: "t", ID: 1}}
	told := func(id string, since int64) kafka.GroupMember {
		b := &balancer{identity: id}
		b.since.Store(since)
		data, err := b.UserData()
		if err != nil {
			t.Fatal(err)
		}
		return kafka.GroupMember{ID: id, Topics: []string{"t"}, UserData: data}
	}
	for name, c := range map[string]struct {
		members []kafka.GroupMember
		want    string
	}{
		"a newcomer with a smaller id": {[]kafka.GroupMember{told("a", 0), told("z", 5)}, "z"},
		"two that were active":         {[]kafka.GroupMember{told("a", 9), told("b", 5)}, "b"},
		"nobody was active":            {[]kafka.GroupMember{told("b", 0), told("a", 0)}, "a"},
		"one that says nothing":        {[]kafka.GroupMember{{ID: "a", UserData: []byte("?")}, told("b", 3)}, "b"},
	} {
		got := (&balancer{}).AssignGroups(c.members, partitions)
		for _, m := range c.members {
			want := 0
			if m.ID == c.want {
				want = 2
			}
			if len(got[m.ID]["t"]) != want {
				t.Errorf("%s: %s has %v", name, m.ID, got[m.ID])
			}
		}
	}
}

func TestWhatDoesNotFitTheErrorsTopicIsDescribed(t *testing.T) {
	t.Parallel()
	job := &jobs.Job{ID: "observation-0-1", Failure: jobs.Fail(jobs.CodeRejected, "m"), FinishedAt: time.Unix(1, 0), Source: jobs.Source{Topic: "observation"}}
	file := `{"message_type":"upload_attachment","values":{"file_name":"a.txt","file_content":"` + strings.Repeat("QUJD", 10000) + `"}}`
	env := &jobs.Envelope{Value: []byte(file), Key: []byte("k")}
	sizes := []int{}
	for how := cutNothing; how <= cutMessage; how++ {
		m, err := errorMessage(job, env, "g", how)
		if err != nil || string(m.Key) != "k" {
			t.Fatal(err)
		}
		sizes = append(sizes, len(m.Value))
		if how == cutFile && (!strings.Contains(string(m.Value), `"file_name":"a.txt"`) || !strings.Contains(string(m.Value), `"size":40000`)) {
			t.Errorf("record %s", m.Value)
		}
	}
	if sizes[0] < 40000 || sizes[1] > 2000 || sizes[2] > 2000 {
		t.Errorf("sizes %v", sizes)
	}
}
