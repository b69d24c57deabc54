package store

import (
	"errors"
	"path/filepath"
	"testing"
	"time"
)

func TestALedgerInUseIsNotLockedAndAFreeOneIsOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	if release, err := Lock(path, 0); err != nil || release() != nil {
		t.Fatalf("where none is: %v", err)
	}
	l, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(path, 0); !errors.Is(err, ErrInUse) {
		t.Errorf("in use: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	release, err := Lock(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Path: path, Patience: 1}); !errors.Is(err, ErrInUse) {
		t.Errorf("locked: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(path, 0); err != nil {
		t.Errorf("released: %v", err)
	}
}

// A command that reads the store for a moment must not end the start of `run`.
func TestALockThatIsReleasedInTimeIsWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	locked := make(chan error, 1)
	go func() {
		release, err := Lock(path, time.Minute)
		if err == nil {
			err = release()
		}
		locked <- err
	}()
	select {
	case err := <-locked:
		t.Fatalf("locked beside an open ledger: %v", err)
	case <-time.After(3 * lockedAgain): // it has looked, and waits; a slow machine only looks less often
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-locked; err != nil {
		t.Error(err)
	}
}
