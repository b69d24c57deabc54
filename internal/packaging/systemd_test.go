package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dispatcher/config"
)

// unitFile returns the unit as it is installed, for a binary that is there.
func unitFile(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("there is no systemd-analyze")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dispatcher.service")
	unit := strings.ReplaceAll(string(read(t, "deploy/systemd/dispatcher.service")), "/usr/local/bin/dispatcher", self)
	if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSystemdAcceptsTheUnit(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("systemd-analyze", "verify", unitFile(t)).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTheUnitIsHardened(t *testing.T) {
	t.Parallel()
	// The score is exposure times ten; what is left is the network, which it needs.
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=15", unitFile(t)).CombinedOutput()
	if strings.Contains(string(out), "unrecognized option") {
		t.Skip("this systemd-analyze cannot judge a file")
	}
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTheUnitStopsLaterThanTheProcessAndGivesSecretsAsFiles(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, s := range config.Settings() {
		for _, name := range s.Env {
			known[name], known[name+"_FILE"] = true, s.Secret
		}
	}
	unit := string(read(t, "deploy/systemd/dispatcher.service"))
	for _, line := range []string{"User=dispatcher", "StateDirectory=dispatcher", "TimeoutStopSec=40s", "RestartPreventExitStatus=2", "ProtectSystem=strict"} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit has no %s", line)
		}
	}
	credentials := 0
	for line := range strings.Lines(unit) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "#")
		if rest, ok := strings.CutPrefix(line, "LoadCredential="); ok {
			credentials++
			name, _, _ := strings.Cut(rest, ":")
			if want := strings.ToUpper(name) + "_FILE=%d/" + name; !strings.Contains(unit, "Environment="+want) {
				t.Errorf("nothing reads the credential %s", name)
			}
		}
		if rest, ok := strings.CutPrefix(line, "Environment="); ok {
			if name, _, _ := strings.Cut(rest, "="); !known[name] {
				t.Errorf("%s is no setting", name)
			}
		}
	}
	if credentials == 0 {
		t.Error("the unit loads no credential")
	}
	for line := range strings.Lines(string(read(t, "deploy/systemd/dispatcher.env"))) {
		name, _, found := strings.Cut(strings.TrimPrefix(line, "#"), "=")
		if found && !strings.Contains(name, " ") && !known[name] {
			t.Errorf("dispatcher.env: %s is no setting", name)
		}
	}
}
