package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
)

// TestFailuresOfALostDataDirectoryAreReplayedOnce: only the errors topic knows of
// them any more.
func TestFailuresOfALostDataDirectoryAreReplayedOnce(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	p := w.Start()
	for i := range 3 {
		w.Send(keyed(fmt.Sprint("key", i), update(fmt.Sprint("late", i), "status", "active")))
	}
	w.Ended(3)
	w.Committed(0, 3)
	p.Stop()
	if err := os.RemoveAll(w.Env["DATA_DIR"]); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		w.API.AddControl(map[string]any{"ref_id": fmt.Sprint("late", i), "name": fmt.Sprint(i)})
	}
	p = w.Start()
	w.soon("jobs", "stats")
	if out := w.must("jobs", "replay", "--from-errors", "--code", "no_match", "--dry-run", "--json"); !strings.Contains(out, `"matched":3,"changed":0`) {
		t.Errorf("dry run: %s", out)
	}
	if _, stderr, code := w.Run("jobs", "replay", "--from-errors"); code != 2 || !strings.Contains(stderr, "--yes") {
		t.Errorf("many without a word: exit %d: %s", code, stderr)
	}
	if _, _, code := w.Run("jobs", "replay", "--from-errors", "--since", time.Now().Add(time.Hour).Format(time.RFC3339), "--yes"); code != 3 {
		t.Errorf("nothing matches: exit %d", code)
	}
	if out := w.must("jobs", "replay", "--from-errors", "--search", "late1", "--yes", "--json"); !strings.Contains(out, `"matched":1,"changed":1`) {
		t.Errorf("one: %s", out)
	}
	for _, offline := range []bool{false, true} {
		if offline {
			p.Stop()
		}
		var done struct {
			Matched, Changed int
			Skipped          []map[string]string
		}
		want := map[bool]int{false: 2, true: 0}[offline]
		out := w.must("jobs", "replay", "--from-errors", "--yes", "--reason", "lost host", "--json")
		if err := json.Unmarshal([]byte(out), &done); err != nil || done.Changed != want || done.Matched != 3 || len(done.Skipped) != 3-want {
			t.Errorf("the rest (offline %v): %s %v", offline, out, err)
		}
		if offline && !strings.HasPrefix(done.Skipped[0]["why"], "it was replayed as replay-") {
			t.Errorf("skipped %v", done.Skipped)
		}
	}
	w.Start()
	eventually(t, "the replayed jobs", func() error {
		keys := ""
		for id, job := range w.Jobs() {
			if job["state"] != "succeeded" || !strings.HasPrefix(id, "replay-") {
				return errorOf(job)
			}
			keys += job["key"].(string)
		}
		if len(keys) != 12 {
			return errorOf(keys)
		}
		return nil
	})
}
