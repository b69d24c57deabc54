package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
)

// TestWorkersOnOtherHostsCarryOutEverythingForAPureCoordinator: the run host has
// neither the API's address nor its token.
func TestWorkersOnOtherHostsCarryOutEverythingForAPureCoordinator(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 2, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Listen()
	run := w.Start("API_URL=", "USER_TOKEN=", "S3_ACCESS_KEY=", "S3_SECRET_KEY=")
	run.Says("active: working")
	w.Worker(w.Join("worker", "w1")).Says("CISO Assistant answers")
	w.Worker(w.Join("worker", "w2")).Says("CISO Assistant answers")

	big := strings.Repeat("0123456789abcdef", 11<<20/16) // 11 MB are 14.7 MB in base64
	upload := fmt.Sprintf(`{"message_type":"upload_attachment","values":{"file_name":"big.txt","file_content":%q}}`, base64.StdEncoding.EncodeToString([]byte(big)))
	operator := w.Join("operator", "ops")
	if _, stderr, code := w.RunWith(nil, upload, "jobs", "submit", "--join", operator, "--wait", "-"); code != 0 {
		t.Fatalf("submit: exit %d: %s", code, stderr)
	}
	messages := []string{update("foo", "status", "in_progress"), update("nobody", "status", "active")}
	for i := range 40 {
		messages = append(messages, update("foo", "observation", fmt.Sprint("n", i)))
	}
	w.Produce(messages...)
	jobs := w.Ended(len(messages) + 1)
	workers := make(map[string]int)
	for id, job := range jobs {
		state, want := job["state"], "succeeded"
		if e, ok := job["error"].(map[string]any); ok && e["code"] == "no_match" {
			want = "failed"
		}
		if state != want {
			t.Errorf("%s: %v", id, job)
		}
		name, _, _ := strings.Cut(job["worker"].(string), "@")
		workers[name]++
	}
	if workers["w1"]+workers["w2"] != len(jobs) {
		t.Errorf("carried out by %v", workers)
	}
	if n := len(w.Errors()); n != 1 {
		t.Errorf("%d errors were reported", n)
	}
}
