package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"

	"dispatcher/jobs"
)

func TestTheLargestRecordsPassAloneAndInBatches(t *testing.T) {
	t.Parallel()
	stream, _ := openStream(t, t.TempDir(), 1<<30)
	largest := jobs.Envelope{
		Topic: part.Topic, Partition: part.ID, Key: make([]byte, 400<<10), Headers: []jobs.Header{{Name: "h", Value: make([]byte, 600<<10)}},
		Value: bytes.Repeat([]byte("x"), jobs.MaxValueBytes),
	}
	if largest.Bound(); largest.Oversize != nil {
		t.Fatal("it is not the largest, but too large")
	}
	small := envelopes(0, 2, 10)
	list := []jobs.Envelope{small[0], largest, small[1], largest}
	for i := range list {
		list[i].Offset = int64(i)
	}
	seqs, err := stream.Append(t.Context(), part, list, 0)
	if err != nil || len(seqs) != 4 || seqs[3] != 4 {
		t.Fatalf("%v %v", seqs, err)
	}
	if got := scan(t, stream, 1); len(got) != 4 || got[3] != 3 {
		t.Errorf("scanned %v", got)
	}
	if e, err := stream.Get(t.Context(), 2); err != nil || !bytes.Equal(e.Value, largest.Value) {
		t.Errorf("%d bytes: %v", len(e.Value), err)
	}
}

func TestARecordAboveAllBoundsIsAnErrorNotAFullStore(t *testing.T) {
	t.Parallel()
	stream, _ := openStream(t, t.TempDir(), 1<<30)
	huge := envelopes(0, 2, 10)
	huge[1].Value = make([]byte, 40<<20)
	seqs, err := stream.Append(t.Context(), part, huge, 0)
	if err == nil || errors.Is(err, jobs.ErrStoreFull) || len(seqs) != 1 || stream.Stuck() != nil {
		t.Errorf("%v %v, stuck %v", seqs, err, stream.Stuck())
	}
}

func TestSubjectsAreOneTokenPerTopicAndReversible(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, topic := range []string{"a", "a.b", "a..b", "a%2Eb", "..", "a b", "*", ">", "a_b-C9", "submit", "ü", strings.Repeat("x.", 124)} {
		s := jobs.Subject(jobs.Partition{Topic: topic, ID: 12})
		if other, ok := seen[s]; ok {
			t.Errorf("%q and %q share %s", topic, other, s)
		}
		seen[s] = topic
		tokens := strings.Split(s, ".")
		if len(tokens) != 3 || tokens[0] != "j" || tokens[2] != "12" || strings.ContainsAny(s, "*> \t") {
			t.Errorf("%q has subject %q", topic, s)
		}
		if back, err := url.PathUnescape(tokens[1]); back != topic || err != nil {
			t.Errorf("%q came back as %q, %v", topic, back, err)
		}
	}
	if s := jobs.Subject(jobs.Partition{}); s != "j.submit" || seen[s] != "" {
		t.Errorf("submitted jobs have %q", s)
	}
}

func TestManyPartitionsAppendAtOnce(t *testing.T) {
	t.Parallel()
	stream, _ := openStream(t, t.TempDir(), 1<<30)
	const partitions, batches, size = 100, 2, 10
	var group sync.WaitGroup
	for id := range partitions {
		group.Go(func() {
			p, after := jobs.Partition{Topic: "t", ID: int32(id)}, uint64(0)
			for n := range batches {
				list := envelopes(n*size, size, 1<<10)
				for i := range list {
					list[i].Topic, list[i].Partition = p.Topic, p.ID
				}
				seqs, err := stream.Append(t.Context(), p, list, after)
				if err != nil {
					t.Errorf("%s: %v", p, err)
					return
				}
				after = seqs[size-1]
			}
		})
	}
	group.Wait()
	next := make(map[int32]int64)
	err := stream.Scan(t.Context(), 1, func(_ uint64, e jobs.Envelope) error {
		if e.Offset != next[e.Partition] {
			t.Errorf("partition %d: offset %d, want %d", e.Partition, e.Offset, next[e.Partition])
		}
		next[e.Partition]++
		return nil
	})
	if err != nil || len(next) != partitions || next[0] != batches*size {
		t.Errorf("%d partitions, %d of the first: %v", len(next), next[0], err)
	}
}

func TestAPurgeTouchesOnePartitionAndNeverItsCursor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stream, server := openStream(t, dir, 1<<30)
	other := jobs.Partition{Topic: "observation", ID: 33} // its subject begins alike
	var last, otherLast uint64
	for n := range 3 {
		seqs, err := stream.Append(t.Context(), part, envelopes(n*10, 10, 10), last)
		if err != nil {
			t.Fatal(err)
		}
		last = seqs[9]
		if seqs, err = stream.Append(t.Context(), other, envelopes(n*10, 10, 10), otherLast); err != nil {
			t.Fatal(err)
		}
		otherLast = seqs[9]
	}
	if err := stream.Purge(t.Context(), jobs.Partition{Topic: "nobody"}, 1000); err != nil {
		t.Error(err)
	}
	if err := stream.Purge(t.Context(), part, 22); err != nil {
		t.Error(err)
	}
	if got := scan(t, stream, 1); len(got) != 60-11 {
		t.Errorf("%d records, want what is not of the partition or from 22 on", len(got))
	}
	server.Stop()
	stream, _ = openStream(t, dir, 1<<30) // one that has appended nothing itself
	for _, before := range []uint64{1 << 62, last, last + 1} {
		if err := stream.Purge(t.Context(), part, before); err != nil {
			t.Error(err)
		}
		if seq, e, ok, err := stream.Last(t.Context(), part); seq != last || e.Offset != 29 || !ok || err != nil {
			t.Errorf("after a purge before %d the last is %d (%d), %v %v", before, seq, e.Offset, ok, err)
		}
	}
	if got := scan(t, stream, 1); len(got) != 31 {
		t.Errorf("%d records, want 30 of the other partition and the cursor", len(got))
	}
	if _, err := stream.Append(t.Context(), part, envelopes(30, 2, 10), last); err != nil {
		t.Errorf("append behind the cursor: %v", err)
	}
}

func TestAnEndedContextBeginsNoBatch(t *testing.T) {
	t.Parallel()
	stream, _ := openStream(t, t.TempDir(), 1<<30)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, ok, err := stream.Last(t.Context(), part); ok || err != nil {
		t.Errorf("something is there: %v", err)
	}
	for range 20 {
		if _, err := stream.Append(ctx, part, envelopes(0, 3, 1), 0); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	enough := errors.New("enough")
	if _, err := stream.Append(t.Context(), part, envelopes(0, 1200, 1), 0); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := stream.Scan(t.Context(), 1, func(uint64, jobs.Envelope) error {
		if n++; n == 700 {
			return enough
		}
		return nil
	})
	if err != enough || n != 700 { //nolint:errorlint // as it is
		t.Errorf("ended after %d with %v", n, err)
	}
}

func TestTheStreamLivesOnAfterARestartOfItsServer(t *testing.T) {
	t.Parallel()
	stream, server := openStream(t, t.TempDir(), 1<<30)
	if _, err := stream.Append(t.Context(), part, envelopes(0, 3, 1), 0); err != nil {
		t.Fatal(err)
	}
	before := server.Conn()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	if !before.IsClosed() {
		t.Error("the former connection is open: what waits on it waits for ever")
	}
	if _, err := stream.Append(t.Context(), part, envelopes(3, 3, 1), 3); err != nil {
		t.Error(err)
	}
	if err := stream.Purge(t.Context(), part, 3); err != nil {
		t.Error(err)
	}
	if got := scan(t, stream, 1); len(got) != 4 {
		t.Errorf("%v", got)
	}
	server.Stop()
	if _, err := stream.Append(t.Context(), part, envelopes(6, 3, 1), 6); !errors.Is(err, jobs.ErrStoreFull) || stream.Stuck() != nil {
		t.Errorf("while no server runs: %v, stuck %v", err, stream.Stuck())
	}
}
