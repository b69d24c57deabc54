package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"dispatcher/store"
)

func TestALedgerIsInUseAsLongAsAProcessHasItOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	if store.InUse(path) {
		t.Error("one that is not there is in use")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("asking made a file")
	}
	ledger, err := store.Open(store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if !store.InUse(path) {
		t.Error("an open one is not in use")
	}
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	if store.InUse(path) {
		t.Error("a closed one is in use")
	}
	if err := os.WriteFile(path, make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if store.InUse(path) {
		t.Error("a damaged one is in use")
	}
}
