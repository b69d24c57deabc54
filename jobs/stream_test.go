package jobs_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dispatcher/jobs"
	"dispatcher/jobs/embed"
)

var part = jobs.Partition{Topic: "observation", ID: 3}

func openStream(t testing.TB, dir string, maxBytes int64) (*jobs.Stream, *embed.Server) {
	t.Helper()
	server, err := embed.Start(embed.Config{StoreDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	stream, err := jobs.OpenStream(t.Context(), server.Conn, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	return stream, server
}

func envelopes(from, n, size int) (list []jobs.Envelope) {
	for i := range n {
		list = append(list, jobs.Envelope{
			Topic: part.Topic, Partition: part.ID, Offset: int64(from + i), Timestamp: time.Unix(1700000000, 7).UTC(),
			Key: []byte("k"), Headers: []jobs.Header{{Name: "h", Value: []byte("v\r\n")}, {Name: "nil"}}, Value: make([]byte, size),
		})
	}
	return list
}

func scan(t testing.TB, s *jobs.Stream, from uint64) (offsets []int64) {
	t.Helper()
	err := s.Scan(t.Context(), from, func(_ uint64, e jobs.Envelope) error {
		offsets = append(offsets, e.Offset)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return offsets
}

func TestAppendedRecordsComeBackInOrderAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stream, server := openStream(t, dir, 1<<30)
	if !stream.Created() {
		t.Error("a new stream is not said to be new")
	}
	want := envelopes(0, 2345, 10)
	seqs, err := stream.Append(t.Context(), part, want, 0)
	if err != nil || len(seqs) != len(want) || seqs[0] != 1 || seqs[2344] != 2345 {
		t.Fatalf("appended %d: %v", len(seqs), err)
	}
	lone, err := stream.Append(t.Context(), part, envelopes(2345, 1, 10), seqs[2344])
	if err != nil || lone[0] != 2346 {
		t.Fatalf("lone append %v: %v", lone, err)
	}
	identity := stream.Identity()
	server.Stop()

	stream, _ = openStream(t, dir, 1<<30)
	if stream.Created() || stream.Identity() != identity {
		t.Error("the stream is not recognised")
	}
	if got := scan(t, stream, 1); len(got) != 2346 || got[0] != 0 || got[2345] != 2345 {
		t.Errorf("%d records", len(got))
	}
	env, err := stream.Get(t.Context(), 2)
	if diff := cmp.Diff(want[1], env); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if seq, last, ok, err := stream.Last(t.Context(), part); seq != 2346 || last.Offset != 2345 || !ok || err != nil {
		t.Errorf("last %d %d %v %v", seq, last.Offset, ok, err)
	}
	if _, err := stream.Get(t.Context(), 9999); !errors.Is(err, jobs.ErrNoPayload) {
		t.Errorf("get of nothing: %v", err)
	}
}

func TestAZombiesBatchIsRefusedWhole(t *testing.T) {
	t.Parallel()
	stream, _ := openStream(t, t.TempDir(), 1<<30)
	if _, err := stream.Append(t.Context(), part, envelopes(0, 5, 1), 0); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 7} {
		if _, err := stream.Append(t.Context(), part, envelopes(5, n, 1), 3); !errors.Is(err, jobs.ErrFenced) {
			t.Errorf("a batch of %d behind 3 of 5: %v", n, err)
		}
	}
	if got := scan(t, stream, 1); len(got) != 5 {
		t.Errorf("%d records are there", len(got))
	}
	other := jobs.Partition{Topic: "a..b.c", ID: 0}
	if _, err := stream.Append(t.Context(), other, envelopes(0, 2, 1), 0); err != nil {
		t.Errorf("another partition: %v", err)
	}
}

func TestAFullStreamSaysSoAndTakesRecordsAgainWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	stream, _ := openStream(t, t.TempDir(), 1<<20)
	var after uint64
	var err error
	for n := 0; err == nil; n += 10 {
		var seqs []uint64
		if seqs, err = stream.Append(t.Context(), part, envelopes(n, 10, 10<<10), after); err == nil {
			after = seqs[9]
		}
	}
	if !errors.Is(err, jobs.ErrStoreFull) {
		t.Fatalf("full: %v", err)
	}
	if err := stream.Purge(t.Context(), part, after+100); err != nil {
		t.Fatal(err)
	}
	first, last, _, err := stream.Bounds(t.Context())
	if first != after || last != after || err != nil {
		t.Errorf("the cursor at %d is not what is left: %d to %d, %v", after, first, last, err)
	}
	if _, err := stream.Append(t.Context(), part, envelopes(1000, 10, 10<<10), after); err != nil {
		t.Errorf("append after the purge: %v", err)
	}
}

func BenchmarkAppend1000(b *testing.B) {
	stream, _ := openStream(b, b.TempDir(), 8<<30)
	var after uint64
	for i := range b.N {
		seqs, err := stream.Append(b.Context(), part, envelopes(i*1000, 1000, 1024), after)
		if err != nil {
			b.Fatal(err)
		}
		after = seqs[999]
	}
	b.ReportMetric(float64(b.N*1000)/b.Elapsed().Seconds(), "msgs/s")
}

func BenchmarkScan(b *testing.B) {
	stream, _ := openStream(b, b.TempDir(), 8<<30)
	if _, err := stream.Append(b.Context(), part, envelopes(0, 20000, 1024), 0); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		scan(b, stream, 1)
	}
	b.ReportMetric(float64(b.N*20000)/b.Elapsed().Seconds(), "msgs/s")
}
