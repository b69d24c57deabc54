// Command gen writes the files of the repository that follow from the code: the
// README's table of settings, the AsyncAPI document, the man page, completion
// scripts and the examples of init-compose. A test fails while one is stale.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := write("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// write brings every generated file below root up to date.
func write(root string) error {
	files, err := generated(root)
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
