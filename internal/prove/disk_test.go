package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// escaped is how strace -xx writes bytes.
func escaped(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteString(`\x` + hex.EncodeToString([]byte(text[i:i+1])))
	}
	return b.String()
}

// follow gives the model a trace and the directory what is on the disk.
func follow(t *testing.T, lines func(file string) []string, onDisk string) error {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte(onDisk), 0o600); err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(t.TempDir(), "trace")
	opened := fmt.Sprintf(`10 openat(AT_FDCWD<%s>, "%s", O_RDWR|O_CREAT, 0600) = 7<%s>`, escaped("/"), escaped(file), escaped(file))
	text := strings.Join(append([]string{opened}, lines(escaped(file))...), "\n") + "\n"
	if err := os.WriteFile(trace, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDisk(dir)
	if err := readTrace(trace, d.take); err != nil {
		t.Fatal(err)
	}
	return d.check()
}

// A process killed in the middle of a write leaves all, some or nothing of it:
// none of these is a fault of the model, everything else is.
func TestAWriteThatTheKillCutsOffMayHaveBeenDoneOrNot(t *testing.T) {
	t.Parallel()
	write := func(text string, offset int) string {
		return fmt.Sprintf(`"%s", %d, %d`, escaped(text), len(text), offset)
	}
	kills := map[string]func(file string) []string{
		"no end in the trace": func(file string) []string {
			return []string{
				fmt.Sprintf("10 pwrite64(7<%s>, %s) = 4", file, write("aaaa", 0)),
				fmt.Sprintf("11 pwrite64(7<%s>, %s <unfinished ...>", file, write("bbbb", 2)),
				"11 +++ killed by SIGKILL +++",
			}
		},
		"an end without an answer": func(file string) []string {
			return []string{
				fmt.Sprintf("10 pwrite64(7<%s>, %s) = 4", file, write("aaaa", 0)),
				fmt.Sprintf("11 pwrite64(7<%s>, %s <unfinished ...>", file, write("bbbb", 2)),
				"11 <... pwrite64 resumed>) = ?",
				"11 +++ killed by SIGKILL +++",
			}
		},
	}
	for name, lines := range kills {
		for onDisk, fine := range map[string]bool{"aaaa": true, "aabbbb": true, "aabba": true, "aaaabb": true, "xaaa": false, "aaaabbb": false, "a": false} {
			err := follow(t, lines, onDisk)
			if (err == nil) != fine {
				t.Errorf("%s, %q on the disk: %v, want it fine: %v", name, onDisk, err, fine)
			}
		}
	}
}
