package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// makeTarget runs a target with a build that costs nothing: what is looked at is
// where things go.
func makeTarget(t *testing.T, target, dest string) {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("there is no make")
	}
	cmd := exec.Command("make", "--no-print-directory", "-o", "build", target, "DESTDIR="+dest, "PREFIX=/opt/d", "BINARY="+filepath.Join(dest, "built"))
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v: %s", target, err, out)
	}
}

func TestInstallKeepsSettingsAndUninstallLeavesThem(t *testing.T) {
	t.Parallel()
	dest := t.TempDir()
	if err := os.WriteFile(filepath.Join(dest, "built"), []byte("binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	makeTarget(t, "install", dest)
	settings := filepath.Join(dest, "etc/dispatcher/dispatcher.env")
	if err := os.WriteFile(settings, []byte("API_URL=https://mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	makeTarget(t, "install", dest)
	if got, err := os.ReadFile(settings); err != nil || string(got) != "API_URL=https://mine\n" {
		t.Errorf("the settings were replaced: %q %v", got, err)
	}
	unit, err := os.ReadFile(filepath.Join(dest, "etc/systemd/system/dispatcher.service"))
	if err != nil || !strings.Contains(string(unit), "ExecStart=/opt/d/bin/dispatcher run") {
		t.Errorf("the unit starts another binary: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dest, "opt/d/bin/dispatcher")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("binary: %v %v", info, err)
	}
	if info, err := os.Stat(filepath.Join(dest, "etc/dispatcher/secrets")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("secrets: %v %v", info, err)
	}
	for _, name := range []string{"share/man/man1/dispatcher.1", "share/bash-completion/completions/dispatcher"} {
		if _, err := os.Stat(filepath.Join(dest, "opt/d", name)); err != nil {
			t.Error(err)
		}
	}
	makeTarget(t, "uninstall", dest)
	if _, err := os.Stat(filepath.Join(dest, "opt/d/bin/dispatcher")); err == nil {
		t.Error("the binary is still there")
	}
	if _, err := os.Stat(settings); err != nil {
		t.Errorf("the settings are gone: %v", err)
	}
}
