package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/fakeciso"
)

// checked is the JSON of `check`.
type checked struct {
	OK   bool
	Rows []struct {
		Name, Value, Remedy string
		OK                  bool
	}
}

func TestCheckAsksEverybodyAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 2, fakeciso.Config{})
	stdout, stderr, code := w.Run("check", "--json")
	var answer checked
	if err := json.Unmarshal([]byte(stdout), &answer); err != nil || code != 0 || !answer.OK || stderr != "" {
		t.Fatalf("exit %d: %v: %s%s", code, err, stdout, stderr)
	}
	parties := make(map[string]bool)
	for _, row := range answer.Rows {
		party, _, _ := strings.Cut(row.Name, ":")
		parties[party] = true
	}
	for _, party := range []string{"configuration", "data directory", "kafka", "api", "s3"} {
		if !parties[party] {
			t.Errorf("nothing is told of %s: %s", party, stdout)
		}
	}
	for _, secret := range []string{"admin-token", w.Env["S3_SECRET_KEY"]} {
		if strings.Contains(stdout, secret) {
			t.Errorf("a secret is shown: %s", stdout)
		}
	}
	for _, e := range w.API.Journal() {
		if e.Method != http.MethodGet {
			t.Errorf("%s %s was sent", e.Method, e.Path)
		}
	}
	if _, err := os.Stat(w.Env["DATA_DIR"]); err == nil {
		t.Error("the data directory was made")
	}
	stdout, _, code = w.RunWith(map[string]string{"BOOTSTRAP_SERVERS": "127.0.0.1:1"}, "", "check")
	if code != 1 || !strings.Contains(stdout, "✗  kafka") || !strings.Contains(stdout, "→ is BOOTSTRAP_SERVERS right") {
		t.Errorf("exit %d: %s", code, stdout)
	}
}

func TestPlanTellsWhatAMessageWouldDoAndWritesNothing(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	id := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo", "priority": 3})
	stdout, stderr, code := w.RunWith(nil, update("foo", "priority", "1"), "plan", "-", "--json")
	want := `{"type":"update_applied_control","objects":[{"id":"` + id + `","name":"Foo","changes":{"priority":{"before":3,"after":"1"}}}]}` + "\n"
	if code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit %d: %s%s\nwant %s", code, stdout, stderr, want)
	}
	if stdout, _, code = w.RunWith(nil, update("foo", "priority", "1"), "plan", "-"); code != 0 || !strings.Contains(stdout, `priority: 3 → "1"`) {
		t.Errorf("exit %d: %s", code, stdout)
	}
	stdout, stderr, code = w.RunWith(nil, update("nobody", "priority", "1"), "plan", "--json", "-")
	var plan struct {
		Error struct{ Class, Code, Message string }
	}
	if err := json.Unmarshal([]byte(stdout), &plan); err != nil || code != 1 || plan.Error.Code != "no_match" || plan.Error.Class != "permanent" {
		t.Errorf("exit %d: %v: %s", code, err, stdout)
	}
	if !strings.HasPrefix(stderr, "dispatcher: plan -: it would fail: no_match: ") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("stderr %q", stderr)
	}
	if _, stderr, code = w.Run("plan", "no-such-file"); code != 2 || !strings.Contains(stderr, "cannot be read") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	for _, e := range w.API.Journal() {
		if e.Method != http.MethodGet {
			t.Errorf("%s %s was sent", e.Method, e.Path)
		}
	}
	if got := w.API.Object("applied-controls", id)["priority"]; got != 3 {
		t.Errorf("priority %v", got)
	}
	if _, err := os.Stat(w.Env["DATA_DIR"]); err == nil {
		t.Error("the data directory was made")
	}
}

func TestSchemasArePrintedAndNamed(t *testing.T) {
	t.Parallel()
	w := &World{t: t, Dir: t.TempDir()}
	names, _, code := w.Run("schema")
	if want := "update_applied_control\nupdate_requirement_assessment\nupload_attachment\nerrors\nresults\n"; code != 0 || names != want {
		t.Errorf("exit %d: %q", code, names)
	}
	for name := range strings.Lines(names) {
		stdout, _, code := w.Run("schema", strings.TrimSpace(name))
		var document map[string]any
		if err := json.Unmarshal([]byte(stdout), &document); err != nil || code != 0 || document["$schema"] == nil {
			t.Errorf("exit %d: %v: %s", code, err, stdout)
		}
	}
	stdout, stderr, code := w.Run("schema", "update_everything")
	if code != 2 || stdout != "" || !strings.Contains(stderr, "update_applied_control, update_requirement_assessment, upload_attachment, errors") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
}

func TestADryRunTellsAndWritesNothing(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 2, fakeciso.Config{})
	id := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo", "priority": 3})
	before := len(w.API.Journal())
	w.Send(kafka.Message{Topic: "observation", Key: []byte("a"), Value: []byte(update("foo", "priority", "1"))})
	p := w.Start("--dry-run", "LOG_FORMAT=json")
	w.Send(kafka.Message{Topic: "observation", Key: []byte("b"), Value: []byte(update("nobody", "priority", "1"))})
	p.Says(`"code":"no_match"`)
	p.Says(id + ` Foo: priority: 3 → \"1\"`)
	p.Stop()
	for _, e := range w.API.Journal()[before:] {
		if e.Method != http.MethodGet {
			t.Errorf("%s %s was sent", e.Method, e.Path)
		}
	}
	if w.API.Object("applied-controls", id)["priority"] != 3 || len(w.records("errors")) > 0 {
		t.Error("something was written")
	}
	if _, err := os.Stat(w.Env["DATA_DIR"]); err == nil {
		t.Error("the data directory was made")
	}
	if offset, _, err := w.Kafka.Commit(t.Context(), "my-group", "observation", 0); err == nil && offset >= 0 {
		t.Errorf("the real group is at %d", offset)
	}
	again := w.Start("--dry-run")
	w.Send(kafka.Message{Topic: "observation", Key: []byte("a"), Value: []byte(update("foo", "priority", "2"))})
	again.Says(`would succeed`)
	again.Stop()
	if strings.Contains(again.log.String(), "no_match") {
		t.Errorf("a message was told twice: %s", again.log)
	}

	real := w.Start()
	w.Ended(3)
	if got := w.API.Object("applied-controls", id)["priority"]; got != 2 {
		t.Errorf("priority %v after the real run", got)
	}
	real.Stop()
}
