package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// disk is what a power loss leaves of a directory: what was synced, and of the
// rest what chance has let through.
type disk struct {
	dir   string
	files map[string]*content
	fds   map[string]int64 // descriptor → position, for writes without an offset
}

// content is a file: what is durable, and changes that are not yet.
type content struct {
	durable []byte
	waiting []change
	sync    bool // opened so that each write is synced
}

type change struct {
	offset   int64
	data     []byte
	truncate bool
	ended    int
	cut      bool // by the kill: nobody knows how much of it was done
}

func newDisk(dir string) *disk {
	return &disk{dir: dir + "/", files: make(map[string]*content), fds: make(map[string]int64)}
}

func (d *disk) file(path string) *content {
	if d.files[path] == nil {
		d.files[path] = &content{}
	}
	return d.files[path]
}

// take follows one system call. Of those that the kill has cut off, names tell
// whether they were done; writes may have been, in part; a sync was not.
func (d *disk) take(c call) error {
	switch c.name {
	case "openat":
		d.open(c)
	case "write", "pwrite64", "ftruncate":
		d.onDescriptor(c)
	case "lseek", "fsync", "fdatasync":
		if !c.cut {
			d.onDescriptor(c)
		}
	case "rename", "renameat", "renameat2":
		if path, _ := named(c.args); !c.cut || gone(path) {
			d.rename(c.args)
		}
	case "unlink", "unlinkat":
		if path, _ := named(c.args); !c.cut || gone(path) {
			delete(d.files, path)
		}
	}
	return nil
}

func gone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// rename moves a file, or all of a folder.
func (d *disk) rename(args string) {
	from, rest := named(args)
	to, _ := named(rest)
	for path, f := range maps.Clone(d.files) {
		if path == from || strings.HasPrefix(path, from+"/") {
			delete(d.files, path)
			d.files[to+strings.TrimPrefix(path, from)] = f
		}
	}
}

func (d *disk) open(c call) {
	_, flags := quoted(c.args)
	fd, path, _ := descriptor(c.result)
	if !strings.HasPrefix(path, d.dir) || strings.Contains(flags, "O_DIRECTORY") || strings.HasPrefix(flags, "O_RDONLY") {
		return
	}
	f := d.file(path)
	f.sync = strings.Contains(flags, "SYNC")
	if strings.Contains(flags, "O_TRUNC") {
		f.waiting = append(f.waiting, change{truncate: true, ended: c.ended})
	}
	d.fds[fd] = 0
}

func (d *disk) onDescriptor(c call) {
	fd, path, rest := descriptor(c.args)
	if !strings.HasPrefix(path, d.dir) || d.files[path] == nil {
		return
	}
	f := d.files[path]
	switch c.name {
	case "lseek":
		d.fds[fd] = number(c.result)
	case "ftruncate":
		f.waiting = append(f.waiting, change{offset: number(rest), truncate: true, ended: c.ended, cut: c.cut})
	case "write":
		data, _ := quoted(rest)
		f.waiting = append(f.waiting, change{offset: d.fds[fd], data: data, ended: c.ended, cut: c.cut})
		d.fds[fd] += int64(len(data))
	case "pwrite64":
		data, more := quoted(rest)
		_, offset, _ := strings.Cut(more, ", ")
		f.waiting = append(f.waiting, change{offset: number(offset), data: data, ended: c.ended, cut: c.cut})
	default:
		f.synced(c.began)
	}
	if f.sync && !c.cut {
		f.synced(c.ended + 1)
	}
}

// synced makes durable what had ended before a sync began.
func (f *content) synced(began int) {
	kept := f.waiting[:0]
	for _, c := range f.waiting {
		if c.cut || c.ended >= began {
			kept = append(kept, c)
			continue
		}
		f.apply(c)
	}
	f.waiting = kept
}

func (f *content) apply(c change) {
	end := c.offset + int64(len(c.data))
	if c.truncate && int64(len(f.durable)) > c.offset {
		f.durable = f.durable[:c.offset]
	}
	if int64(len(f.durable)) < end {
		f.durable = append(f.durable, make([]byte, end-int64(len(f.durable)))...)
	}
	copy(f.durable[c.offset:], c.data)
}

// check compares the files with what all system calls together have made of
// them: if the model is wrong, so is what it leaves after a power loss.
func (d *disk) check() error {
	for path, f := range d.files {
		is, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("the attack itself went wrong: %w", err)
		}
		if !f.may(is) && filepath.Base(path) != mapped {
			return fmt.Errorf("the attack itself went wrong: %s is not what the trace says", path)
		}
	}
	return nil
}

// may tells whether all the calls together can have left these bytes: a write
// that was cut off has done all, some or nothing of what it asked.
func (f *content) may(is []byte) bool {
	all := content{durable: slices.Clone(f.durable)}
	is = slices.Clone(is)
	for _, c := range f.waiting {
		if !c.cut {
			all.apply(c)
		}
	}
	for _, c := range f.waiting {
		switch {
		case !c.cut:
		case c.truncate:
			is, all.durable = is[:min(c.offset, int64(len(is)))], all.durable[:min(c.offset, int64(len(all.durable)))]
		default:
			unknown := change{offset: c.offset, data: make([]byte, len(c.data))}
			both := content{durable: is}
			both.apply(unknown)
			all.apply(unknown)
			is = both.durable
		}
	}
	return bytes.Equal(is, all.durable)
}

// mapped is written through memory, of which no system call tells, and is never
// synced.
const mapped = "slots"

// restore replaces the directory's files by what the power loss leaves; of the
// changes that were not synced some have reached the disk, some not.
func (d *disk) restore(rng *rand.Rand) (dropped int, err error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries { // the directory itself stays: it is no copy
		if err := os.RemoveAll(filepath.Join(d.dir, e.Name())); err != nil {
			return 0, err
		}
	}
	for path, f := range d.files {
		for _, c := range f.waiting {
			if rng.IntN(2) == 0 {
				f.apply(c)
			} else {
				dropped++
			}
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return 0, err
		}
		if err := os.WriteFile(path, f.durable, 0o600); err != nil {
			return 0, err
		}
	}
	return dropped, nil
}
