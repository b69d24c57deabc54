// Package stage runs the real binary as a process of its own, for tests and
// attacks from outside.
package stage

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Build makes the dispatcher with build tags, as a file in dir.
func Build(dir, tags string) (path string, err error) {
	_, file, _, _ := runtime.Caller(0)
	path = filepath.Join(dir, "dispatcher")
	build := exec.Command("go", "build", "-tags", tags, "-o", path, ".")
	build.Dir = filepath.Join(filepath.Dir(file), "..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build dispatcher: %w: %s", err, out)
	}
	return path, nil
}
