package packaging

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// root is the top of the repository.
const root = "../.."

func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// stages reads the Dockerfile as BuildKit does.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	parsed, err := parser.Parse(bytes.NewReader(read(t, "Dockerfile")))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range parsed.Warnings {
		t.Errorf("BuildKit warns: %s", w.Short)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	return stages
}

func all[T instructions.Command](s instructions.Stage) (found []T) {
	for _, c := range s.Commands {
		if c, ok := c.(T); ok {
			found = append(found, c)
		}
	}
	return found
}

// one returns the only instruction of its kind.
func one[T instructions.Command](t *testing.T, s instructions.Stage) T {
	t.Helper()
	found := all[T](s)
	if len(found) != 1 {
		t.Fatalf("%d instructions %T, want one", len(found), *new(T))
	}
	return found[0]
}

func TestTheImageIsSmallUnprivilegedAndHealthChecked(t *testing.T) {
	t.Parallel()
	stages := stages(t)
	last := stages[len(stages)-1]
	if last.BaseName != "scratch" {
		t.Errorf("it is based on %s", last.BaseName)
	}
	if user := one[*instructions.UserCommand](t, last).User; user != "65532:65532" {
		t.Errorf("user %s: Kubernetes can only tell that a number is not root", user)
	}
	if v := one[*instructions.VolumeCommand](t, last).Volumes; !slices.Equal(v, []string{"/data"}) {
		t.Errorf("volumes %q", v)
	}
	env := one[*instructions.EnvCommand](t, last).Env
	if len(env) != 1 || env[0].Key != "DATA_DIR" || !strings.HasPrefix(env[0].Value, "/data/") {
		t.Errorf("environment %v", env)
	}
	if s := one[*instructions.StopSignalCommand](t, last).Signal; s != "SIGTERM" {
		t.Errorf("stop signal %s", s)
	}
	if h := one[*instructions.HealthCheckCommand](t, last).Health; !slices.Equal(h.Test, []string{"CMD", "/usr/local/bin/dispatcher", "health"}) {
		t.Errorf("health check %q", h.Test)
	}
	entry, cmd := one[*instructions.EntrypointCommand](t, last), one[*instructions.CmdCommand](t, last)
	if !slices.Equal(entry.CmdLine, []string{"/usr/local/bin/dispatcher"}) || entry.PrependShell || !slices.Equal(cmd.CmdLine, []string{"run"}) || cmd.PrependShell {
		t.Errorf("it runs %q %q", entry.CmdLine, cmd.CmdLine)
	}
	if len(all[*instructions.LabelCommand](last)) == 0 {
		t.Error("it has no labels")
	}
}

func TestTheImageIsMadeByTheTargetThatTheTestsRun(t *testing.T) {
	t.Parallel()
	stages := stages(t)
	build, last := stages[0], stages[len(stages)-1]
	if build.Platform != "$BUILDPLATFORM" || !strings.HasPrefix(build.BaseName, "golang:1.26") {
		t.Errorf("built on %s %s: cross compiling is quick, emulation is not", build.Platform, build.BaseName)
	}
	runs := all[*instructions.RunCommand](build)
	if line := strings.Join(runs[len(runs)-1].CmdLine, " "); !strings.Contains(line, "GOARCH=$TARGETARCH make rootfs ROOTFS=/rootfs") {
		t.Errorf("it is built by %q", line)
	}
	var copied []string
	for _, c := range all[*instructions.CopyCommand](last) {
		copied = append(copied, c.SourcePaths...)
		if owned := c.Chown != ""; owned != (c.DestPath == "/data") {
			t.Errorf("%s belongs to %q: only the data is the user's", c.DestPath, c.Chown)
		}
	}
	if !slices.Equal(copied, []string{"/rootfs/etc", "/rootfs/usr", "/rootfs/data"}) {
		t.Errorf("it copies %q", copied)
	}
}

func TestTheBuildContextHasTheSourcesAndNothingElse(t *testing.T) {
	t.Parallel()
	allowed := strings.Fields(string(read(t, ".dockerignore")))
	if allowed[0] != "*" {
		t.Fatal("all is sent to the builder, secrets in the working directory too")
	}
	dirs, err := filepath.Glob(filepath.Join(root, "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"go.mod", "go.sum", "Makefile", "main.go", "internal"}
	for _, file := range dirs {
		want = append(want, filepath.Base(filepath.Dir(file)))
	}
	for _, name := range want {
		if !slices.Contains(allowed, "!"+name) {
			t.Errorf("%s is left out of the build", name)
		}
	}
}
