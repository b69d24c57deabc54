package embed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
)

// The head of a record in a block, as nats-server 2.15 writes it (filestore.go,
// writeMsgRecord): uint32 length, with the highest bit for headers; uint64
// sequence, with the two highest bits for erased and tombstone; int64 time;
// uint16 length of the subject. All are little-endian.
const (
	recordHead  = 22
	lengthMask  = 1<<31 - 1
	seqMask     = 1<<62 - 1
	tombstone   = 1 << 62
	maxSeqGap   = 1 << 20 // far more than what is ever deleted within a block
	blockWindow = 64 << 10
)

// checkBlocks refuses a store in which a record's sequence is far beyond that of
// the one before: a bit has flipped. The server would count up to it, one by one,
// before it looks at the checksum, which takes all memory and never ends
// (filestore.go, indexCacheBuf). Every other damage is left to the server.
func checkBlocks(storeDir string) error {
	pattern := filepath.Join(storeDir, server.JetStreamStoreDir, "$G", "streams", "*", "msgs", "*.blk")
	blocks, err := filepath.Glob(pattern)
	if err != nil {
		return fmt.Errorf("inspect JOBS: %w", err)
	}
	for _, path := range blocks {
		err := checkBlock(path)
		switch {
		case errors.Is(err, ErrDamaged):
			return err
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("inspect JOBS: %w", err)
		}
	}
	return nil
}

// checkBlock reads the heads of a block's records. It ends at the first that
// makes no sense in another way, as the server does.
func checkBlock(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var window [blockWindow]byte
	var last uint64
	for start, end, at := int64(0), int64(0), int64(0); ; {
		if at+recordHead > end {
			n, err := file.ReadAt(window[:], at)
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if start, end = at, at+int64(n); n < recordHead {
				return nil // the end, or a record that a crash cut off
			}
		}
		head := window[at-start:]
		length, seq := binary.LittleEndian.Uint32(head)&lengthMask, binary.LittleEndian.Uint64(head[4:])
		if length < recordHead {
			return nil
		}
		if seq&tombstone == 0 {
			seq &= seqMask
			if last != 0 && seq > last+maxSeqGap {
				return fmt.Errorf("%w: %s, byte %d: message %d follows %d; %s", ErrDamaged, path, at, seq, last, remedy)
			}
			last = max(last, seq)
		}
		at += int64(length)
	}
}
