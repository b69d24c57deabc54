package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
)

// TestACoordinatorWithoutAWorkerIsNotReadyAndSaysWhatItsJobsWaitFor, until one
// comes.
func TestACoordinatorWithoutAWorkerIsNotReadyAndSaysWhatItsJobsWaitFor(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Listen()
	address := freeAddress(t)
	run := w.Start("API_URL=", "USER_TOKEN=", "S3_ACCESS_KEY=", "S3_SECRET_KEY=", "HTTP_LISTEN="+address)
	run.Says("active: working")
	ready := func(code int, has, not string) {
		t.Helper()
		eventually(t, fmt.Sprint("readiness ", code), func() error {
			resp, err := http.Get("http://" + address + "/readyz")
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != code || !strings.Contains(string(body), has) || strings.Contains(string(body), not) {
				return fmt.Errorf("%d %s", resp.StatusCode, body)
			}
			return nil
		})
	}
	ready(503, `{"name":"workers","ok":false,"why":"no worker is connected`, `"api"`)
	w.Produce(update("foo", "status", "active"))
	w.Known(1)
	run.Says("WRN no worker is connected: jobs wait")
	if out := w.must("jobs", "stats"); !strings.Contains(out, "1 for a worker: none is connected") {
		t.Errorf("stats: %s", out)
	}
	if out := w.must("jobs", "list"); !strings.Contains(out, "waits: worker") {
		t.Errorf("list: %s", out)
	}
	if out := w.must("jobs", "show", "observation-0-0"); !strings.Contains(out, "queued, no worker is connected: start dispatcher worker") {
		t.Errorf("show: %s", out)
	}
	stats := w.must("jobs", "stats", "--json")
	conforms(t, "stats.json", stats)
	var told struct{ Waiting map[string]int }
	if err := json.Unmarshal([]byte(stats), &told); err != nil || told.Waiting["worker"] != 1 {
		t.Errorf("stats: %v %s", err, stats)
	}
	conforms(t, "job.json", w.must("jobs", "show", "observation-0-0", "--json"))

	w.Worker(w.Join("worker", "w1"))
	w.become("observation-0-0", "succeeded")
	ready(200, `{"name":"workers","ok":true}`, `"api"`)
	if out := w.must("jobs", "stats"); strings.Contains(out, "waiting") {
		t.Errorf("stats: %s", out)
	}
}
