package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Lock takes the lock of a ledger, which is that of its data directory, without
// opening it: whoever has it may move the store, even one that is damaged. It
// does not wait. Where there is no ledger there is nothing to lock.
func Lock(path string) (release func() error, err error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lock the ledger: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { // as bbolt does
		return nil, errors.Join(fmt.Errorf("%s: %w; stop it, or name another directory with --data-dir", filepath.Dir(path), ErrInUse), file.Close())
	}
	return file.Close, nil
}
