package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestEveryGeneratedFileIsCurrent(t *testing.T) {
	t.Parallel()
	const root = "../.."
	files, err := generated(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the code says: run make generate (%v)", name, err)
		}
	}
}
