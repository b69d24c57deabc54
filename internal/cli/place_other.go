//go:build !linux

package cli

import (
	"fmt"
	"os"
	"path/filepath"
)

// placeOf names a directory by its path: here a moved directory is taken for a
// copy, which costs one wait for the session timeout, and a copy in its
// original's place is known by the commits only.
func placeOf(dir string) (string, error) {
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("look at the data directory %s: %w", dir, err)
	}
	return filepath.Abs(dir)
}
