package workers

import (
	"os"
	"regexp"
	"testing"

	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
)

func TestEachMessageOfTheCookbookIsCarriedOut(t *testing.T) {
	t.Parallel()
	cookbook, err := os.ReadFile("../docs/cookbook.md")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, fakeciso.Config{})
	production := w.api.AddFolder("production", "")
	for _, control := range []map[string]any{
		{"ref_id": "AC-12", "name": "Hardening"},
		{"ref_id": "AC-13", "name": "Disk encryption", "folder": production},
		{"ref_id": "AC-13", "name": "Disk encryption of others"},
		{"ref_id": "AC-14", "name": "Backup"},
		{"ref_id": "foo", "name": "Foo"},
		{"name": "Offboarding within 24 hours"},
		{"name": "Waits", "category": "technical", "status": "on_hold"},
		{"name": "Waits too", "category": "technical", "status": "on_hold"},
	} {
		w.api.AddControl(control)
	}
	w.api.AddAudit("ISO_2026", w.api.AddFramework("ISO", "A.7.4", "A.8.8", "A.8.24"), "")
	w.api.AddAudit("ISO_001", w.api.AddFramework("ISO of the README", "A.5.1"), "")
	w.api.AddEvidence(map[string]any{"name": "Monthly restore test"})
	w.api.AddEvidence(map[string]any{"name": "Sample evidence"})
	w.files.content["my_bucket/sample.jpeg"] = "a picture"
	w.files.content["reports/2026/11/restore-test.pdf"], w.files.content["reports/pentest/2026.pdf"] = "restored", "tested"

	messages := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(cookbook, -1)
	if len(messages) != 14 {
		t.Errorf("%d messages, want 14", len(messages))
	}
	for i, m := range messages {
		if _, failure := jobs.ParseMessage(m[1]); failure != nil {
			t.Errorf("message %d: %v", i+1, failure)
		}
		if o := w.do(string(m[1])); o.Kind != jobs.OutcomeSucceeded || len(o.Objects) == 0 {
			t.Errorf("message %d: %s %s", i+1, describe(o), why(o))
		}
	}
}
