package attachment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ownPrefix begins the names of temporary spools.
const ownPrefix = "dispatcher-spool-"

// errSwept says that another process took a spool for one of the dead.
var errSwept = errors.New("swept by another process")

// Temporary makes a spool for a process that has no data directory, below parent (the
// directory for temporary files, say), and removes those of processes that are gone:
// one that was killed leaves what it had, and nobody else would come for it. A spool is
// in use as long as its directory is locked, which systemd-tmpfiles respects, too.
// Release removes it.
func Temporary(parent string) (s Spool, release func(), err error) {
	sweep(parent)
	for {
		dir, err := os.MkdirTemp(parent, ownPrefix)
		if err != nil {
			return s, nil, fmt.Errorf("make a directory for files on their way: %w; set TMPDIR to one that can be written", err)
		}
		lock, err := lockDir(dir)
		if errors.Is(err, errSwept) { // before it was locked
			continue
		}
		if err != nil {
			return s, nil, errors.Join(fmt.Errorf("lock the directory for files on their way: %w", err), os.Remove(dir))
		}
		return Spool{Dir: dir}, func() {
			_ = os.RemoveAll(dir) // they are copies
			_ = lock.Close()
		}, nil
	}
}

// sweep removes the spools that nobody uses; what cannot be removed stays.
func sweep(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), ownPrefix) {
			continue
		}
		dir := filepath.Join(parent, e.Name())
		if lock, err := lockDir(dir); err == nil {
			_ = os.RemoveAll(dir)
			_ = lock.Close()
		}
	}
}

// lockDir locks a directory that nobody else has locked, and no link in its place.
func lockDir(dir string) (*os.File, error) {
	lock, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errSwept
	}
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errSwept
		}
		return nil, err
	}
	if _, err := os.Stat(dir); err != nil { // removed between the two
		_ = lock.Close()
		return nil, errSwept
	}
	return lock, nil
}
