package e2e

import (
	"maps"
	"path/filepath"
	"strings"

	"dispatcher/internal/stage"
)

// Listen makes this world's processes let workers in, at an address that stays,
// with short leases, and none of its own.
func (w *World) Listen() {
	w.t.Helper()
	w.Env["LISTEN"] = freeAddress(w.t)
	w.Env["LEASE"] = "2s"
	w.Env["CONCURRENCY"] = "0"
}

// Join makes a join file, below the world's directory.
func (w *World) Join(role, name string) (path string) {
	w.t.Helper()
	path = filepath.Join(w.Dir, name+".join")
	if _, stderr, code := w.Run("credentials", role, "--name", name, "-o", path); code != 0 {
		w.t.Fatalf("credentials %s: exit %d: %s", role, code, stderr)
	}
	return path
}

// Worker runs `dispatcher worker` with a join file. It has no data directory.
func (w *World) Worker(join string, more ...string) *Process {
	w.t.Helper()
	c := w.command("worker", "--join", join)
	maps.Copy(c.Env, map[string]string{"CONCURRENCY": "4", "TMPDIR": w.t.TempDir()})
	for _, name := range []string{"DATA_DIR", "LISTEN", "LEASE", "BOOTSTRAP_SERVERS"} {
		delete(c.Env, name)
	}
	for _, m := range more {
		name, value, _ := strings.Cut(m, "=")
		c.Env[name] = value
	}
	c.Dir = c.Env["TMPDIR"]
	return w.follow(stage.Start(c))
}
