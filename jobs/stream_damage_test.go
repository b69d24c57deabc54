package jobs_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dispatcher/jobs"
	"dispatcher/jobs/embed"
)

// storedStream leaves a stopped store with n records of 1 KiB, and returns its
// stream's directory.
func storedStream(t *testing.T, n int) (dir, files string) {
	t.Helper()
	dir = t.TempDir()
	stream, server := openStream(t, dir, 1<<30)
	if _, err := stream.Append(t.Context(), part, envelopes(0, n, 1<<10), 0); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	return dir, filepath.Join(dir, "jetstream", "$G", "streams", "JOBS")
}

// flip changes one bit of a file, at a distance from its beginning or, if it is
// negative, from its end.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += len(content)
	}
	content[at] ^= 0x40
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// readAll scans, and returns the sequences that came.
func readAll(t *testing.T, dir string) (seqs []uint64, err error) {
	t.Helper()
	stream, server := openStream(t, dir, 1<<30)
	defer server.Stop()
	err = stream.Scan(t.Context(), 1, func(seq uint64, e jobs.Envelope) error {
		if e.Offset != int64(seq)-1 {
			t.Errorf("sequence %d has offset %d", seq, e.Offset)
		}
		seqs = append(seqs, seq)
		return nil
	})
	return seqs, err
}

func TestADamagedRecordIsMissingNeverWrong(t *testing.T) {
	t.Parallel()
	for name, withIndex := range map[string]bool{"with index": true, "without index": false} {
		dir, files := storedStream(t, 3000)
		flip(t, filepath.Join(files, "msgs", "1.blk"), 1<<20)
		if !withIndex {
			if err := os.Remove(filepath.Join(files, "msgs", "index.db")); err != nil {
				t.Fatal(err)
			}
		}
		seqs, err := readAll(t, dir)
		if len(seqs) >= 3000 || len(seqs) < 100 || !slices.IsSorted(seqs) {
			t.Errorf("%s: %d records, %v", name, len(seqs), err)
		}
	}
}

func TestADamagedEndIsNotTakenForTheEnd(t *testing.T) {
	t.Parallel()
	dir, files := storedStream(t, 3000)
	flip(t, filepath.Join(files, "msgs", "1.blk"), -600)
	seqs, err := readAll(t, dir)
	if !errors.Is(err, jobs.ErrDamaged) {
		t.Errorf("%d records of 3000, %v", len(seqs), err)
	}
}

func TestADamagedStreamIsRefusedNotReplaced(t *testing.T) {
	t.Parallel()
	dir, files := storedStream(t, 10)
	flip(t, filepath.Join(files, "meta.inf"), 5)
	for range 2 {
		_, err := embed.Start(embed.Config{StoreDir: dir})
		if err == nil || !strings.Contains(err.Error(), "streams/JOBS") || !strings.Contains(err.Error(), "--rebuild") {
			t.Fatalf("started on a damaged stream: %v", err)
		}
	}
	flip(t, filepath.Join(files, "meta.inf"), 5)
	if seqs, err := readAll(t, dir); len(seqs) != 10 || err != nil {
		t.Errorf("after it was mended: %d records, %v", len(seqs), err)
	}
}

// TestADescriptionThatACrashLeftWithoutItsChecksumIsMended: the server writes both
// whenever the limit changes, which is at every start, and a kill may come between.
func TestADescriptionThatACrashLeftWithoutItsChecksumIsMended(t *testing.T) {
	t.Parallel()
	dir, files := storedStream(t, 10)
	meta := filepath.Join(files, "meta.inf")
	for start := range 3 {
		_, server := openStream(t, dir, 1<<30+int64(start))
		server.Stop()
		old, err := os.ReadFile(meta)
		if err != nil {
			t.Fatal(err)
		}
		_, server = openStream(t, dir, 2<<30+int64(start))
		server.Stop()
		if err := os.WriteFile(meta, old, 0o600); err != nil { // its checksum is the newer one's
			t.Fatal(err)
		}
		if seqs, err := readAll(t, dir); len(seqs) != 10 || err != nil {
			t.Fatalf("start %d: %d records, %v", start, len(seqs), err)
		}
	}
}

func TestAStreamThatWasOnlyBeingMadeIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, server := openStream(t, dir, 1<<30)
	server.Stop()
	if err := os.Remove(filepath.Join(dir, "jetstream", "$G", "streams", "JOBS", "meta.sum")); err != nil {
		t.Fatal(err)
	}
	stream, _ := openStream(t, dir, 1<<30)
	if !stream.Created() {
		t.Error("a stream without messages is not said to be new")
	}
}

func TestATornEndIsCutAndTheRestIsThere(t *testing.T) {
	t.Parallel()
	dir, files := storedStream(t, 100)
	block := filepath.Join(files, "msgs", "1.blk")
	content, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{block, filepath.Join(files, "msgs", "index.db")} {
		if err := os.Remove(name); err != nil { // as after a power loss: no index of a clean end
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(block, content[:len(content)-300], 0o600); err != nil {
		t.Fatal(err)
	}
	stream, _ := openStream(t, dir, 1<<30)
	if got := scan(t, stream, 1); len(got) != 99 {
		t.Errorf("%d records", len(got))
	}
	if seqs, err := stream.Append(t.Context(), part, envelopes(99, 2, 10), 99); err != nil || seqs[1] != 101 {
		t.Errorf("append behind the cut: %v %v", seqs, err)
	}
}

func TestALowerLimitDropsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stream, server := openStream(t, dir, 1<<30)
	if _, err := stream.Append(t.Context(), part, envelopes(0, 1000, 4<<10), 0); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	for _, limit := range []int64{1 << 20, 0} {
		stream, server = openStream(t, dir, limit)
		if got := scan(t, stream, 1); len(got) != 1000 {
			t.Errorf("limit %d: %d records are left", limit, len(got))
		}
		if _, err := stream.Append(t.Context(), part, envelopes(1000, 1, 1), 1000); !errors.Is(err, jobs.ErrLimit) || stream.Stuck() != nil {
			t.Errorf("limit %d: %v, stuck %v", limit, err, stream.Stuck())
		}
		server.Stop()
	}
	stream, _ = openStream(t, dir, 1<<30)
	if _, err := stream.Append(context.Background(), part, envelopes(1000, 2, 1), 1000); err != nil {
		t.Errorf("a higher limit again: %v", err)
	}
}
