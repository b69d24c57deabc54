package embed

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The server counts up to a sequence that a flipped bit has made very large, with
// the memory that this takes: such a store must be refused, at once.
func TestASequenceWithAFlippedBitIsRefusedOrRead(t *testing.T) {
	t.Parallel()
	for bit, refused := range map[int]bool{0: false, 5: false, 19: false, 21: true, 33: true, 46: true, 61: true, 62: false, 63: false} {
		t.Run(fmt.Sprint("bit ", bit), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := startWith(t, dir)
			fill(t, s, 50)
			s.Stop()
			flip(t, dir, 25, bit)
			s, err := Start(Config{StoreDir: dir})
			if refused {
				if err == nil {
					s.Stop()
				}
				if err == nil || !strings.Contains(err.Error(), "run --rebuild") {
					t.Errorf("not refused: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			defer s.Stop()
			readAll(t, s, 50)
		})
	}
}

func TestASoundStoreAndATornOnePass(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startWith(t, dir)
	fill(t, s, 500)
	s.Stop()
	block := blockOf(dir)
	info, err := os.Stat(block)
	if err != nil || info.Size() < 2*blockWindow {
		t.Fatalf("the block is too small to test more than one window: %v, %v", info, err)
	}
	for _, size := range []int64{info.Size(), info.Size() - 1, info.Size() / 2, blockWindow + 3, recordHead - 1, 0} {
		if err := os.Truncate(block, size); err != nil {
			t.Fatal(err)
		}
		if err := checkBlocks(dir); err != nil {
			t.Errorf("cut to %d bytes: %v", size, err)
		}
	}
}

func startWith(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Start(Config{StoreDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fill(t *testing.T, s *Server, n int) {
	t.Helper()
	js, err := jetstream.New(s.Conn())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "JOBS", Subjects: []string{"j"}, AllowDirect: true}); err != nil {
		t.Fatal(err)
	}
	for range n {
		if _, err := js.Publish(ctx, "j", bytes.Repeat([]byte("x"), 300)); err != nil {
			t.Fatal(err)
		}
	}
}

// readAll asks for every message; damaged ones may be missing.
func readAll(t *testing.T, s *Server, n uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	js, err := jetstream.New(s.Conn())
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(ctx, "JOBS")
	if err != nil {
		t.Fatal(err)
	}
	for seq := range n {
		_, err := stream.GetMsg(ctx, seq+1)
		var refusal *jetstream.APIError
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) && !errors.As(err, &refusal) {
			t.Fatalf("message %d: %v", seq+1, err)
		}
	}
}

func blockOf(dir string) string {
	return filepath.Join(dir, "jetstream", "$G", "streams", "JOBS", "msgs", "1.blk")
}

// flip turns a bit of the sequence of the n-th record.
func flip(t *testing.T, dir string, n, bit int) {
	t.Helper()
	content, err := os.ReadFile(blockOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for range n - 1 {
		at += int(binary.LittleEndian.Uint32(content[at:]) & lengthMask)
	}
	content[at+4+bit/8] ^= 1 << (bit % 8)
	if err := os.WriteFile(blockOf(dir), content, 0o600); err != nil {
		t.Fatal(err)
	}
}
