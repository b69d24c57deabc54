package cli

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWhatJOBSHoldsCountsAsRoomForJOBS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got := diskUsage(filepath.Join(dir, "not yet")); got != 0 {
		t.Errorf("a directory that is not there uses %d", got)
	}
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	before := diskUsage(dir)
	if err := os.WriteFile(filepath.Join(dir, "a", "b", "block"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := diskUsage(dir) - before; got < 1<<20 {
		t.Errorf("a file of 1 MiB uses %d", got)
	}
	if got := storeLimit(filepath.Join(dir, "a"), 1<<10); got != 1<<10 {
		t.Errorf("limit %d instead of the configured one", got)
	}
}
