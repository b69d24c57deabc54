package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestACommandDoesNotWaitForATerminalThatAnswersNothing: as that of script, of
// serial lines and of many CI systems.
func TestACommandDoesNotWaitForATerminalThatAnswersNothing(t *testing.T) {
	t.Parallel()
	script, err := exec.LookPath("script")
	if err != nil && os.Getenv("REAL") == "require" {
		t.Fatal("script is missing: install the package bsdutils")
	}
	if err != nil {
		t.Skip("SKIPPED: script is missing: install the package bsdutils")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	silent, _, err := os.Pipe() // nobody types anything
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	cmd := exec.CommandContext(t.Context(), script, "-qec", path+" version", "/dev/null")
	cmd.Stdin, cmd.WaitDelay = silent, time.Second
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if took := time.Since(began); err != nil || took > 4*time.Second || strings.Contains(string(out), "\x1b") || !strings.HasPrefix(string(out), "dispatcher ") {
		t.Errorf("%q after %s: %v", out, took, err)
	}
}
