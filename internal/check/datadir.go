package check

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"
)

// minFree is the room below which a store stops.
const minFree = 128 << 20

// DataDir looks at the directory of the jobs; lock is the file whose lock tells
// who works on it. A directory that is not there is not made.
func DataDir(dir, lock string, wanted int64) Party {
	return Party{Name: "data directory", Ask: func(context.Context) []Row {
		where, exists, err := nearest(dir)
		if err != nil {
			return []Row{failed("data directory", err, "name another with --data-dir")}
		}
		rows := []Row{rights(dir, where, exists)}
		if !rows[0].OK {
			return rows
		}
		return append(rows, Filesystem(where), space(where, wanted), user(filepath.Join(dir, lock)))
	}}
}

// nearest returns dir or, if it is not there, what it would be made in.
func nearest(dir string) (where string, exists bool, err error) {
	if where, err = filepath.Abs(dir); err != nil {
		return "", false, err
	}
	for exists = true; ; exists = false {
		info, err := os.Stat(where)
		switch {
		case errors.Is(err, fs.ErrNotExist) && where != filepath.Dir(where):
			where = filepath.Dir(where)
		case err != nil:
			return "", false, err
		case !info.IsDir():
			return "", false, fmt.Errorf("%s is no directory", where)
		default:
			return where, exists, nil
		}
	}
}

// rights tells whether files can be made and synced there. Where the directory
// is yet to be made nothing is written.
func rights(dir, where string, exists bool) Row {
	const name = "data directory"
	if !exists {
		if err := unix.Access(where, unix.W_OK|unix.X_OK); err != nil {
			return wrong(name, fmt.Sprintf("%s is not there, and %s is not writable", dir, where), "make it for the dispatcher's user, or name another with --data-dir")
		}
		return fine(name, dir+" is not there yet: run makes it")
	}
	took, err := trySync(where)
	if err != nil {
		return failed(name, err, "give it to the dispatcher's user, or name another with --data-dir")
	}
	value := fmt.Sprintf("%s, writable, a sync takes %s", dir, took.Round(10*time.Microsecond))
	if info, err := os.Stat(where); err == nil && info.Mode().Perm()&0o077 != 0 {
		return noted(name, value, "others can look into it; run makes it 0700")
	}
	return fine(name, value)
}

// trySync writes and syncs a file, and removes it.
func trySync(dir string) (took time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".check-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	if _, err = f.Write(make([]byte, 4096)); err != nil {
		return 0, err
	}
	began := time.Now()
	err = f.Sync()
	return time.Since(began), err
}

func space(where string, wanted int64) Row {
	const name = "data directory: space"
	var disk unix.Statfs_t
	if err := unix.Statfs(where, &disk); err != nil {
		return failed(name, err, "")
	}
	free := int64(disk.Bavail) * int64(disk.Bsize)
	value := fmt.Sprintf("%s free", humanize.IBytes(uint64(free)))
	switch {
	case free < minFree:
		return wrong(name, value, "make room: the store needs "+humanize.IBytes(minFree)+" to begin with")
	case free/10*8 < wanted:
		return noted(name, value, fmt.Sprintf("less than max_store_bytes (%s) needs: the limit will be 80 %% of it", humanize.IBytes(uint64(wanted))))
	}
	return fine(name, value)
}

// user tells which process has locked the store.
func user(lock string) Row {
	const name = "data directory: in use"
	f, err := os.Open(lock)
	if errors.Is(err, fs.ErrNotExist) {
		return fine(name, "by nobody, there is no store yet")
	}
	if err != nil {
		return failed(name, err, "run this as its owner")
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) // closing gives it back
	switch {
	case err == nil:
		return fine(name, "by nobody")
	case errors.Is(err, syscall.EWOULDBLOCK):
		return noted(name, "by "+holder(f), "a second run on it would be refused; for a standby use a directory of its own")
	}
	return failed(name, err, "")
}

// holder names the process that has a file locked, as far as /proc tells.
func holder(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return "a running dispatcher"
	}
	inode := fmt.Sprintf(":%d", info.Sys().(*syscall.Stat_t).Ino)
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return "a running dispatcher"
	}
	defer locks.Close()
	for lines := bufio.NewScanner(locks); lines.Scan(); { // 1: FLOCK ADVISORY WRITE 4711 fd:01:1234 0 EOF
		fields := strings.Fields(lines.Text())
		if len(fields) > 5 && fields[1] == "FLOCK" && strings.HasSuffix(fields[5], inode) && fields[4] > "0" {
			return "process " + fields[4]
		}
	}
	return "a running dispatcher"
}
