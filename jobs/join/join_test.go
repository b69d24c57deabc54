package join

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func fresh(t *testing.T, name string, role Role) (*Credentials, File) {
	t.Helper()
	c, err := Open(filepath.Join(t.TempDir(), "credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	made, seed, err := c.Make(name, role, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c, New(made, seed, "host:4222")
}

// TestThePrivateKeyIsInTheJoinFileOnly: the data directory keeps the public half,
// for its owner only.
func TestThePrivateKeyIsInTheJoinFileOnly(t *testing.T) {
	t.Parallel()
	c, f := fresh(t, "w1", Worker)
	data, err := os.ReadFile(c.path)
	if err != nil || bytes.Contains(data, []byte(f.Seed)) || !bytes.Contains(data, []byte(`"w1"`)) {
		t.Errorf("credentials %s %v", data, err)
	}
	if info, err := os.Stat(c.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	again, err := Open(c.path)
	if public, _ := f.Public(); err != nil || again.Name(public) != "w1" {
		t.Errorf("after reopening: %v %v", again, err)
	}
	if _, _, err := again.Make("w1", Operator, time.Now()); !errors.Is(err, ErrKnown) {
		t.Errorf("a second one of the name: %v", err)
	}
	if err := again.Revoke("w1"); err != nil || len(again.List()) != 0 {
		t.Errorf("revoke: %v", err)
	}
	if err := again.Revoke("w1"); !errors.Is(err, ErrUnknown) {
		t.Errorf("revoke twice: %v", err)
	}
	for _, name := range []string{"", "-x", "a b", "a*", "ü", strings.Repeat("x", 65), "../x"} {
		if _, _, err := again.Make(name, Worker, time.Now()); !errors.Is(err, ErrName) {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

// TestAJoinFileMayNameSeveralRunHosts, one after the other; one that is damaged, of
// another role or not there is refused with the remedy.
func TestAJoinFileMayNameSeveralRunHosts(t *testing.T) {
	t.Parallel()
	_, a := fresh(t, "w1", Worker)
	_, b := fresh(t, "w1", Worker)
	_, operator := fresh(t, "ops", Operator)
	b.Address = "other:4222"
	text := func(files ...File) string {
		var out bytes.Buffer
		for _, f := range files {
			if err := f.Write(&out); err != nil {
				t.Fatal(err)
			}
		}
		return out.String()
	}
	path := filepath.Join(t.TempDir(), "w1.join")
	write := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	write(text(a, b))
	hosts, open, err := Read(path, Worker)
	if err != nil || !open || !slices.Equal(hosts, []File{a, b}) {
		t.Errorf("%v, open %v, %v", hosts, open, err)
	}
	broken := a
	broken.Seed = "SU"
	nowhere := a
	nowhere.Address = "host"
	newer := a
	newer.Version = 9
	for _, content := range []string{"", "{}", "hello", text(a)[:50], text(operator), text(broken), text(nowhere), text(newer), text(a) + "x"} {
		write(content)
		if _, _, err := Read(path, Worker); err == nil || !strings.Contains(err.Error(), "dispatcher credentials worker") {
			t.Errorf("%q: %v", content, err)
		}
	}
	if _, _, err := Read(path+"x", Worker); err == nil {
		t.Error("a file that is not there is read")
	}
}

// TestTheCAIsMadeOnceAndForItsOwnerOnly.
func TestTheCAIsMadeOnceAndForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ca.pem")
	first, err := OpenAuthority(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	second, err := OpenAuthority(path, time.Now())
	if err != nil || first.PEM() != second.PEM() {
		t.Errorf("it is made twice: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAuthority(path, time.Now()); err == nil {
		t.Error("a damaged CA is replaced silently")
	}
}
