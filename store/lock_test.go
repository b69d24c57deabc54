package store

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestALedgerInUseIsNotLockedAndAFreeOneIsOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	if release, err := Lock(path); err != nil || release() != nil {
		t.Fatalf("where none is: %v", err)
	}
	l, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(path); !errors.Is(err, ErrInUse) {
		t.Errorf("in use: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	release, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Path: path, Patience: 1}); !errors.Is(err, ErrInUse) {
		t.Errorf("locked: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(path); err != nil {
		t.Errorf("released: %v", err)
	}
}
