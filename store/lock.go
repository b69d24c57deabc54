package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockedAgain is how often a lock that another process has is tried.
const lockedAgain = 20 * time.Millisecond

// Lock takes the lock of a ledger, which is that of its data directory, without
// opening it: whoever has it may move the store, even one that is damaged. It
// waits as long as patience says for whoever else has it. Where there is no ledger
// there is nothing to lock.
func Lock(path string, patience time.Duration) (release func() error, err error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lock the ledger: %w", err)
	}
	for began := time.Now(); ; time.Sleep(lockedAgain) {
		if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil { // as bbolt does
			return file.Close, nil
		}
		if time.Since(began) >= patience {
			return nil, errors.Join(fmt.Errorf("%s: %w; stop it, or name another directory with --data-dir", filepath.Dir(path), ErrInUse), file.Close())
		}
	}
}
