package packaging

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// missing skips a test whose tools cannot be had, which REAL=require forbids.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("REAL") == "require" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// copyTree copies the repository's files to another place.
func copyTree(t *testing.T) string {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		missing(t, "git ls-files: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "elsewhere")
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil {
			continue // deleted, and not yet committed
		}
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, read(t, name), info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// dist makes the packages of this machine's kind from the sources in dir.
func dist(t *testing.T, dir, to string, env ...string) {
	t.Helper()
	cmd := exec.Command("deploy/package/dist")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DIST="+to, "ARCHS=amd64", "VERSION=v1.2.3", "SOURCE_DATE_EPOCH=1790000000", "CGO_ENABLED=0")
	cmd.Env = append(cmd.Env, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		if regexp.MustCompile(`dial tcp|no such host|proxy|executable file not found`).Match(out) {
			missing(t, "the packages cannot be made here: %v: %s", err, out)
		}
		t.Fatalf("%v: %s", err, out)
	}
}

var made struct {
	sync.Mutex
	dir string
}

// packages returns a directory with the packages, made once for all tests.
func packages(t *testing.T) string {
	t.Helper()
	made.Lock()
	defer made.Unlock()
	if made.dir == "" {
		dir, err := os.MkdirTemp("", "dispatcher-packages-")
		if err != nil {
			t.Fatal(err)
		}
		dist(t, root, dir)
		made.dir = dir
	}
	return made.dir
}

func TestMain(m *testing.M) {
	code := m.Run()
	if made.dir != "" {
		_ = os.RemoveAll(made.dir)
	}
	os.Exit(code)
}

func TestTheSameSourcesGiveTheSameBytesWhereverTheyAreBuilt(t *testing.T) {
	t.Parallel()
	first, second := packages(t), t.TempDir()
	dist(t, copyTree(t), second, "TZ=Pacific/Kiritimati", "HOME="+os.Getenv("HOME"))
	names, err := filepath.Glob(filepath.Join(first, "*"))
	if err != nil || len(names) != 4 {
		t.Fatalf("made: %q %v, want a package, a tarball, a bill of materials and sums", names, err)
	}
	for _, name := range names {
		one, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(second, filepath.Base(name)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, other) {
			t.Errorf("%s differs", filepath.Base(name))
		}
	}
}

func TestTheLicencesInTheDocumentsAreThoseOfTheBinary(t *testing.T) {
	t.Parallel()
	info, err := buildinfo.ReadFile(filepath.Join(unpacked(t), "usr/bin/dispatcher"))
	if err != nil {
		t.Fatal(err)
	}
	list := string(read(t, "docs/licences.md"))
	for _, m := range info.Deps {
		if !strings.Contains(list, "\n| "+m.Path+" | "+m.Version+" | ") {
			t.Errorf("docs/licences.md does not have %s %s: run make licences", m.Path, m.Version)
		}
	}
	if rows := strings.Count(list, "\n| ") - 1; rows != len(info.Deps)+1 { // and the standard library
		t.Errorf("docs/licences.md has %d rows for %d modules: run make licences", rows, len(info.Deps))
	}
}

// unpacked returns a tree with the files of the package.
func unpacked(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		missing(t, "there is no dpkg-deb")
	}
	dir := t.TempDir()
	if out, err := exec.Command("dpkg-deb", "-x", deb(t), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

func deb(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(packages(t), "*.deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("packages: %q %v", found, err)
	}
	return found[0]
}
