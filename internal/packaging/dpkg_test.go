package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// debian is a root in which dpkg installs, as root or as somebody who may seem
// to be.
type debian struct {
	t    *testing.T
	root string
}

func newDebian(t *testing.T) debian {
	t.Helper()
	for _, tool := range []string{"dpkg", "systemd-sysusers", "unshare"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "there is no %s", tool)
		}
	}
	d := debian{t: t, root: t.TempDir()}
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "etc"} {
		if err := os.MkdirAll(d.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d.write("var/lib/dpkg/status", "")
	return d
}

func (d debian) path(name string) string { return filepath.Join(d.root, name) }

func (d debian) write(name, content string) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(d.path(name)), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(d.path(name), []byte(content), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d debian) has(name string) bool {
	_, err := os.Lstat(d.path(name))
	return err == nil
}

func (d debian) dpkg(args ...string) string {
	d.t.Helper()
	args = append([]string{"dpkg", "--root=" + d.root, "--force-script-chrootless", "--force-confold", "--log=/dev/null"}, args...)
	if os.Getuid() != 0 {
		args = append([]string{"unshare", "--map-root-user"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		d.t.Fatalf("%q: %v: %s", args, err, out)
	}
	return string(out)
}

func TestThePackageInstallsUpgradesAndLeavesDataWhenItIsPurged(t *testing.T) {
	t.Parallel()
	d, file := newDebian(t), deb(t)
	d.dpkg("--install", file)
	users, err := os.ReadFile(d.path("etc/passwd"))
	if err != nil || !strings.Contains(string(users), "\ndispatcher:") && !strings.HasPrefix(string(users), "dispatcher:") {
		t.Errorf("the user was not made: %q %v", users, err)
	}
	for name, mode := range map[string]os.FileMode{
		"usr/bin/dispatcher": 0o755, "usr/lib/systemd/system/dispatcher.service": 0o644, "etc/dispatcher/dispatcher.env": 0o640,
		"usr/share/man/man1/dispatcher.1.gz": 0o644, "usr/share/bash-completion/completions/dispatcher": 0o644,
		"usr/share/doc/ciso-assistant-dispatcher/copyright": 0o644, "etc/dispatcher/secrets": 0o700,
	} {
		if info, err := os.Stat(d.path(name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	if out, err := exec.Command(d.path("usr/bin/dispatcher"), "version").Output(); err != nil || !strings.HasPrefix(string(out), "dispatcher v1.2.3 ") {
		t.Errorf("version: %q %v", out, err)
	}
	d.verifyUnit()

	d.write("etc/dispatcher/dispatcher.env", "API_URL=https://mine\n")
	d.write("etc/dispatcher/secrets/user_token", "token")
	d.write("var/lib/dispatcher/ledger.db", "jobs")
	d.dpkg("--install", file)
	if got, err := os.ReadFile(d.path("etc/dispatcher/dispatcher.env")); err != nil || string(got) != "API_URL=https://mine\n" {
		t.Errorf("an upgrade replaced the settings: %q %v", got, err)
	}

	out := d.dpkg("--purge", "ciso-assistant-dispatcher")
	if d.has("usr/bin/dispatcher") || d.has("etc/dispatcher/dispatcher.env") {
		t.Error("a purge leaves the binary, or the settings")
	}
	if !d.has("var/lib/dispatcher/ledger.db") || !d.has("etc/dispatcher/secrets/user_token") || !strings.Contains(out, "/var/lib/dispatcher is left") {
		t.Errorf("a purge takes data or secrets away, or does not say what is left: %s", out)
	}
}

// verifyUnit asks systemd what it thinks of the unit as it is installed.
func (d debian) verifyUnit() {
	d.t.Helper()
	unit, err := os.ReadFile(d.path("usr/lib/systemd/system/dispatcher.service"))
	if err != nil || !strings.Contains(string(unit), "\nExecStart=/usr/bin/dispatcher run\n") {
		d.t.Fatalf("unit: %s %v", unit, err)
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		missing(d.t, "there is no systemd-analyze")
	}
	path := filepath.Join(d.t.TempDir(), "dispatcher.service")
	here := strings.ReplaceAll(string(unit), "ExecStart=/usr/bin/", "ExecStart="+d.path("usr/bin")+"/")
	if err := os.WriteFile(path, []byte(here), 0o600); err != nil {
		d.t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", path).CombinedOutput(); err != nil || len(out) > 0 {
		d.t.Errorf("systemd-analyze verify: %v: %s", err, out)
	}
}
