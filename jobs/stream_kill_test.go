package jobs_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// appenderDir tells a re-executed test binary to append there until it is killed.
const appenderDir = "JOBS_APPENDER"

// batchAt is the size of the batch that begins at an offset: from lone messages
// to some hundred.
func batchAt(offset int) int { return 1 + offset*offset%211 }

// appendForEver says which offset comes next after each acknowledged batch.
func appendForEver(t *testing.T, dir string) {
	stream, _ := openStream(t, dir, 1<<30)
	after, e, ok, err := stream.Last(t.Context(), part)
	offset := 0
	if ok {
		offset = int(e.Offset) + 1
	}
	for err == nil {
		n := batchAt(offset)
		var seqs []uint64
		if seqs, err = stream.Append(context.Background(), part, envelopes(offset, n, 200), after); err == nil {
			after = seqs[n-1]
			offset += n
			fmt.Println("acked", offset)
		}
	}
	t.Fatal(err)
}

// killed starts an appender, kills it after so many batches, and returns the
// offset up to which it had an acknowledgement.
func killed(t *testing.T, dir string, batches int) (acked int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestAcknowledgedAppendsSurviveKill$")
	cmd.Env = append(os.Environ(), appenderDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "acked %d", &acked); err != nil {
			t.Errorf("appender says %q", lines.Text())
		}
		if n++; n == batches {
			_ = cmd.Process.Kill() // what it says until then is read on
		}
	}
	_ = cmd.Wait() // killed
	return acked
}

func TestAcknowledgedAppendsSurviveKill(t *testing.T) {
	if dir := os.Getenv(appenderDir); dir != "" {
		appendForEver(t, dir)
	}
	t.Parallel()
	dir := t.TempDir()
	for round := range 4 {
		acked := killed(t, dir, 20+round)
		stream, server := openStream(t, dir, 1<<30)
		got := scan(t, stream, 1)
		server.Stop()
		for i, offset := range got {
			if offset != int64(i) {
				t.Fatalf("round %d: record %d has offset %d", round, i, offset)
			}
		}
		if acked == 0 || len(got) < acked {
			t.Fatalf("round %d: %d acknowledged, %d there", round, acked, len(got))
		}
		end := 0
		for end < len(got) {
			end += batchAt(end)
		}
		if end != len(got) {
			t.Fatalf("round %d: %d records are there, part of a batch", round, len(got))
		}
	}
}
