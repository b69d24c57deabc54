package schedule

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// slotSize bounds the record of one running job. Object names beyond it are
// not kept: such a job is resumed, but its last objects are not quarantined.
const slotSize = 4096

// slotFile marks the jobs in hand and the objects they may be writing. It is
// written but never synced: it outlives the process, not the host. A slot is
// sequence (8 bytes), length of the names (4), CRC-32 (4), names split by NUL;
// sequence 0 is a free slot.
type slotFile struct {
	mu   sync.Mutex
	file *os.File // nil: nothing is kept
	free []int
	size int
}

// marked is what a slot says about a job that was in hand.
type marked struct {
	seq     uint64
	objects []string
}

// openSlots opens or creates the slot file and returns what stands in it.
func openSlots(path string) (*slotFile, []marked, error) {
	s := &slotFile{}
	if path == "" {
		return s, nil, nil
	}
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	found := readSlots(content)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	s.file = file
	return s, found, nil
}

// reset empties the file, once what it said is in the ledger.
func (s *slotFile) reset() error {
	if s.file == nil {
		return nil
	}
	if err := s.file.Truncate(0); err != nil {
		return fmt.Errorf("empty slot file: %w", err)
	}
	return nil
}

func readSlots(content []byte) (found []marked) {
	for ; len(content) >= 16; content = content[min(slotSize, len(content)):] {
		seq := binary.LittleEndian.Uint64(content)
		n := int(binary.LittleEndian.Uint32(content[8:]))
		if seq == 0 || n > slotSize-16 || n > len(content)-16 {
			continue
		}
		names := content[16 : 16+n]
		m := marked{seq: seq}
		if crc32.ChecksumIEEE(names) == binary.LittleEndian.Uint32(content[12:]) && n > 0 {
			m.objects = strings.Split(string(names), "\x00")
		}
		found = append(found, m)
	}
	return found
}

// mark takes a slot for a job and returns its number, -1 if none is kept.
func (s *slotFile) mark(seq uint64, objects []string) int {
	if s == nil || s.file == nil {
		return -1
	}
	s.mu.Lock()
	slot := s.size
	if n := len(s.free); n > 0 {
		slot, s.free = s.free[n-1], s.free[:n-1]
	} else {
		s.size++
	}
	s.mu.Unlock()
	return s.remark(slot, seq, objects)
}

// remark writes a slot anew. A write that fails is left out: the file is a
// help after an unclean end, never a promise.
func (s *slotFile) remark(slot int, seq uint64, objects []string) int {
	if slot < 0 {
		return slot
	}
	names := strings.Join(objects, "\x00")
	if len(names) > slotSize-16 {
		names = names[:strings.LastIndexByte(names[:slotSize-16], 0)]
	}
	record := make([]byte, 16, 16+len(names))
	binary.LittleEndian.PutUint64(record, seq)
	binary.LittleEndian.PutUint32(record[8:], uint32(len(names)))
	binary.LittleEndian.PutUint32(record[12:], crc32.ChecksumIEEE([]byte(names)))
	_, _ = s.file.WriteAt(append(record, names...), int64(slot)*slotSize)
	return slot
}

// clear frees a slot.
func (s *slotFile) clear(slot int) {
	var free [16]byte
	_, _ = s.file.WriteAt(free[:], int64(slot)*slotSize)
	s.mu.Lock()
	s.free = append(s.free, slot)
	s.mu.Unlock()
}

func (s *slotFile) close() error {
	if s == nil || s.file == nil {
		return nil
	}
	return s.file.Close()
}
