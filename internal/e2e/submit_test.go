package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
)

var submitID = regexp.MustCompile(`submit-[0-9A-Z]{26}`)

func TestASubmittedMessageIsAJobLikeAnyOther(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	file := filepath.Join(w.Dir, "message.json")
	if err := os.WriteFile(file, []byte(update("foo", "status", "active")), 0o600); err != nil {
		t.Fatal(err)
	}
	p := w.Start()
	w.soon("jobs", "stats")
	out := w.must("jobs", "submit", file, "--key", "k", "--wait", "--json", "--reason", "by hand")
	if !strings.Contains(out, `"state":"succeeded"`) || !strings.Contains(out, `"key":"k"`) || strings.Contains(out, "source") {
		t.Errorf("submit: %s", out)
	}
	if out := w.must("jobs", "show", submitID.FindString(out), "--payload"); !strings.Contains(out, "submit by") || !strings.Contains(out, "by hand") {
		t.Errorf("show: %s", out)
	}
	out, stderr, code := w.RunWith(nil, "no json", "jobs", "submit", "-", "--wait")
	if id := strings.TrimSpace(out); code != 1 || !submitID.MatchString(id) || !strings.Contains(stderr, "invalid_message") {
		t.Errorf("a bad message: exit %d: %s%s", code, out, stderr)
	}
	eventually(t, "its error record", func() error {
		if list := w.Errors(); len(list) != 1 || list[0]["job_id"] != strings.TrimSpace(out) || list[0]["message"] != "no json" {
			return errorOf(list)
		}
		return nil
	})
	if _, _, code := w.RunWith(nil, "no json", "jobs", "submit", "-"); code != 0 {
		t.Errorf("a bad message is taken without --wait, too: exit %d", code)
	}
	p.Stop()
	if _, stderr, code := w.RunWith(nil, "{}", "jobs", "submit", "-", "--wait"); code != 2 || !strings.Contains(stderr, "leave --wait out") {
		t.Errorf("waiting for nobody: exit %d: %s", code, stderr)
	}
	later, stderr, code := w.RunWith(nil, update("foo", "status", "to_do"), "jobs", "submit", "-")
	if code != 0 {
		t.Fatalf("offline: exit %d: %s", code, stderr)
	}
	w.Start()
	w.become(strings.TrimSpace(later), "succeeded")
}

func TestAMessageAbove16MiBIsRefusedAndNothingIsStored(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.Start()
	w.soon("jobs", "stats")
	large := strings.Repeat("x", 16<<20+1)
	file := filepath.Join(w.Dir, "large.json")
	if err := os.WriteFile(file, []byte(large), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"jobs", "submit", "-"}, {"jobs", "submit", file}, {"plan", "-"}, {"plan", file}} {
		stdout, stderr, code := w.RunWith(nil, large, args...)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "16 MiB") || !strings.Contains(stderr, "S3") {
			t.Errorf("%v: exit %d: %s%s", args, code, stdout, stderr)
		}
	}
	if list := w.Jobs(); len(list) != 0 {
		t.Errorf("stored: %v", list)
	}
	if id, stderr, code := w.RunWith(nil, large[1:], "jobs", "submit", "-"); code != 0 || !submitID.MatchString(id) {
		t.Errorf("one of 16 MiB: exit %d: %s", code, stderr)
	}
}

func TestASubmittedMessageThatWasCutOffByACrashIsCaughtUp(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	foo := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := w.Start("CRASH_AT=submitted")
	w.soon("jobs", "stats")
	_, stderr, code := w.RunWith(nil, update("foo", "status", "active"), "jobs", "submit", "-")
	id := submitID.FindString(stderr)
	if code != 1 || id == "" || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit %d: %s", code, stderr)
	}
	p.Exit()
	w.Start()
	w.become(id, "succeeded")
	if n := len(w.API.History("applied-controls", foo)); n != 1 {
		t.Errorf("%d changes", n)
	}
}
