package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"dispatcher/internal/fakeciso"
)

// conforms checks each line of an output against a schema of docs/schemas.
func conforms(t *testing.T, schema, output string) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	s, err := compiler.Compile(filepath.Join("..", "..", "docs", "schemas", schema))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(output) {
		n++
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err == nil {
			err = s.Validate(v)
		}
		if err != nil {
			t.Errorf("%s: %v: %s", schema, err, line)
		}
	}
	if n == 0 {
		t.Errorf("%s: nothing to check", schema)
	}
}

func TestTheJSONOfJobsIsWhatItsSchemasSay(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 2, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Start()
	w.soon("jobs", "stats")
	watching := w.launch("jobs", "watch", "--json")
	watching.Says("watching")
	w.must("jobs", "pause", "--type", "upload_attachment")
	w.Send(keyed("k", update("foo", "status", "active")), keyed("k", update("nobody", "status", "active")), keyed("\xff", "\xff"))
	upload := `{"message_type":"upload_attachment","values":{"file_name":"a.txt","file_content":"aGVsbG8=","applied_controls":{"ref_id":"foo"}}}`
	w.Send(keyed("u", upload), keyed("u", upload), keyed("v", upload))
	w.Ended(3)
	w.Known(6)
	conforms(t, "stats.json", w.must("jobs", "stats", "--json"))
	list := w.must("jobs", "list", "--json", "--payload")
	conforms(t, "job.json", list)
	for _, part := range []string{`"reason":"behind","behind":"observation-`, `"reason":"paused"`, `"base64"`} {
		if !strings.Contains(list, part) {
			t.Errorf("no %s in %s", part, list)
		}
	}
	conforms(t, "changed.json", w.must("jobs", "cancel", "--state", "queued", "--dry-run", "--json"))
	conforms(t, "changed.json", w.must("jobs", "cancel", "--key", "v", "--yes", "--json"))
	conforms(t, "changed.json", w.must("jobs", "cancel", "--key", "v", "--state", "canceled", "--json"))
	conforms(t, "changed.json", w.must("jobs", "replay", "--from-errors", "--dry-run", "--json"))
	conforms(t, "changed.json", w.must("jobs", "retry", "--code", "no_match", "--yes", "--reason", "once more", "--json"))
	w.must("jobs", "resume")
	w.Ended(6)
	for id := range w.Jobs() {
		conforms(t, "job.json", w.must("jobs", "show", id, "--json", "--payload"))
	}
	conforms(t, "stats.json", w.must("jobs", "stats", "--json"))
	watching.Prints(`"state":"canceled"`, `"state":"running"`)
	out := watching.out.String()
	conforms(t, "job.json", out[:strings.LastIndex(out, "\n")+1])
}

func TestTheJSONOfPlanAndCheckIsWhatItsSchemasSay(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 2, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	upload := `{"message_type":"upload_attachment","values":{"name":"n","file_name":"a.txt","file_content":"aGVsbG8=","applied_controls":{"ref_id":"foo"}}}`
	for _, message := range []string{update("foo", "status", "active"), update("nobody", "status", "active"), upload, "[]", `{"message_type":"x"}`} {
		stdout, _, _ := w.RunWith(nil, message, "plan", "-", "--json")
		conforms(t, "plan.json", stdout)
	}
	for _, env := range []map[string]string{nil, {"API_URL": "http://127.0.0.1:1"}, {"USER_TOKEN": "wrong"}, {"BOOTSTRAP_SERVERS": "127.0.0.1:1"}, {"CONCURRENCY": "many"}} {
		stdout, _, _ := w.RunWith(env, "", "check", "--json")
		conforms(t, "check.json", stdout)
		stdout, _, _ = w.RunWith(env, update("foo", "status", "active"), "plan", "-", "--json")
		if stdout != "" { // settings that cannot work
			conforms(t, "plan.json", stdout)
		}
	}
}
