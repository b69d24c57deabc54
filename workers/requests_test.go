package workers

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
)

// requestRows carries out each kind of message twice and returns the rows of
// the table of requests: what the first and the second time cost. What every
// process asks once (folders, who am I) is asked before.
func requestRows(t *testing.T) []string {
	upload := func(values m) string { return uploadWith(nil, values) }
	file := base64.StdEncoding.EncodeToString([]byte("content"))
	kinds := []struct{ name, message string }{
		{"update of one control", `{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"status":"active"}}`},
		{"update of ten controls", `{"message_type":"update_applied_control","selector":{"target":"multiple","category":"technical"},"values":{"observation":"seen"}}`},
		{"update of one requirement", `{"message_type":"update_requirement_assessment","selector":{"compliance_assessment__ref_id":"ISO","requirement__ref_id":"A.1"},"values":{"result":"compliant"}}`},
		{"file, no evidence named", upload(m{"file_name": "lone.txt", "file_content": file})},
		{"file, linked to a control", upload(m{"file_name": "linked.txt", "file_content": file, "applied_controls": m{"ref_id": "foo"}})},
		{"file for an evidence that exists", uploadWith(m{"name": "Report"}, m{"file_name": "report.txt", "file_content": file})},
	}
	var rows []string
	for _, kind := range kinds {
		w := newWorld(t, fakeciso.Config{})
		w.api.AddControl(m{"ref_id": "foo", "name": "Foo"})
		for i := range 10 {
			w.api.AddControl(m{"ref_id": fmt.Sprint("T-", i), "name": fmt.Sprint("Technical ", i), "category": "technical"})
		}
		w.api.AddAudit("ISO", w.api.AddFramework("ISO", "A.1", "A.2"), "")
		w.api.AddEvidence(m{"name": "Report"})
		for _, warm := range []string{
			`{"message_type":"update_requirement_assessment","selector":{"compliance_assessment__ref_id":"ISO","requirement__ref_id":"A.2"},"values":{"result":"compliant"}}`,
			upload(m{"file_name": "warm.txt", "file_content": file}),
		} {
			w.succeed(warm)
		}
		var counts [2]int
		for i := range counts {
			before := len(w.api.Journal())
			if o := w.do(kind.message); o.Kind != jobs.OutcomeSucceeded {
				t.Fatalf("%s: %s %s", kind.name, describe(o), why(o))
			}
			counts[i] = len(w.api.Journal()) - before
		}
		rows = append(rows, fmt.Sprintf("| %s | %d | %d |", kind.name, counts[0], counts[1]))
	}
	return rows
}

// The real server carries out about 25 requests a second: their number is what
// a job costs.
func TestAJobNeedsNoMoreRequestsThanThePerformancePageSays(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range requestRows(t) {
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/performance.md has no row %q", row)
		}
	}
}
