package schedule

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
)

// slotSize bounds the record of one running job. Object names beyond it are
// not kept: such a job is resumed, but its last objects are not quarantined.
const slotSize = 4096

// slotFile marks the jobs in hand and the objects they may be writing. It is
// written but never synced: it outlives the process, not the host. A slot is
// sequence (8 bytes), length of the names (4), CRC-32 (4), names split by NUL;
// sequence 0 is a free slot.
type slotFile struct {
	mu     sync.Mutex
	file   *os.File
	m      []byte // the file, mapped: what is written there outlives the process; nil: nothing is kept
	free   []int
	size   int
	backed int // slots that have their place on the disk
}

// backEach is how many slots get their place on the disk at once.
const backEach = 16

// maxSlots is how many running jobs are marked; there are never more, see [workers.Pool].
const maxSlots = 4096

// marked is what a slot says about a job that was in hand.
type marked struct {
	seq     uint64
	objects []string
	slot    int
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
	if err := file.Truncate(maxSlots * slotSize); err != nil { // sparse
		return nil, nil, errors.Join(err, file.Close())
	}
	s.m, err = syscall.Mmap(int(file.Fd()), 0, maxSlots*slotSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return s, found, nil
}

// take reserves a slot for a job; -1 if none is kept. It fails when the disk has
// no place for one: to write a page that has none would end the process.
func (s *slotFile) take() (slot int, err error) {
	if s == nil || s.m == nil {
		return -1, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		slot, s.free = s.free[n-1], s.free[:n-1]
		return slot, nil
	}
	if s.size >= maxSlots {
		return -1, nil
	}
	if err := s.back(s.size + 1); err != nil {
		return -1, err
	}
	s.size++
	return s.size - 1, nil
}

// back gives the first n slots their place on the disk: what they hold is
// written once more.
func (s *slotFile) back(n int) error {
	for n > s.backed {
		content := make([]byte, backEach*slotSize)
		at := int64(s.backed) * slotSize
		if _, err := s.file.ReadAt(content, at); err != nil {
			return err
		}
		if _, err := s.file.WriteAt(content, at); err != nil {
			return err
		}
		s.backed += backEach
	}
	return nil
}

// reset empties the file, once what it said is in the ledger.
func (s *slotFile) reset(found []marked) {
	for i := range found {
		clear(s.m[found[i].slot*slotSize : found[i].slot*slotSize+16])
	}
}

func readSlots(content []byte) (found []marked) {
	for slot := 0; len(content) >= 16; slot, content = slot+1, content[min(slotSize, len(content)):] {
		seq := binary.LittleEndian.Uint64(content)
		n := int(binary.LittleEndian.Uint32(content[8:]))
		if seq == 0 || n > slotSize-16 || n > len(content)-16 {
			continue
		}
		names := content[16 : 16+n]
		m := marked{seq: seq, slot: slot}
		if crc32.ChecksumIEEE(names) == binary.LittleEndian.Uint32(content[12:]) && n > 0 {
			m.objects = strings.Split(string(names), "\x00")
		}
		found = append(found, m)
	}
	return found
}

// mark writes a slot: the sequence last, so that one that is half written does
// not count.
func (s *slotFile) mark(slot int, seq uint64, objects []string) {
	if slot < 0 {
		return
	}
	names := strings.Join(objects, "\x00")
	if len(names) > slotSize-16 {
		names = names[:strings.LastIndexByte(names[:slotSize-16], 0)]
	}
	record := s.m[slot*slotSize : (slot+1)*slotSize]
	copy(record[16:], names)
	binary.LittleEndian.PutUint32(record[8:], uint32(len(names)))
	binary.LittleEndian.PutUint32(record[12:], crc32.ChecksumIEEE([]byte(names)))
	binary.LittleEndian.PutUint64(record, seq)
}

// clear frees a slot.
func (s *slotFile) clear(slot int) {
	clear(s.m[slot*slotSize : slot*slotSize+16])
	s.mu.Lock()
	s.free = append(s.free, slot)
	s.mu.Unlock()
}

func (s *slotFile) close() error {
	if s == nil || s.m == nil {
		return nil
	}
	m := s.m
	s.m = nil
	return errors.Join(syscall.Munmap(m), s.file.Close())
}
