package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"dispatcher/internal/fakeciso"
)

// TestBitsThatFlipInJOBSCostNothing: the damaged messages are read from Kafka
// again; or, where the embedded store has cut itself at the first damage (which
// it does after a crash, and after a clean end when that hits its last batch),
// the start is refused, and --rebuild mends it.
func TestBitsThatFlipInJOBSCostNothing(t *testing.T) {
	t.Parallel()
	for name, clean := range map[string]bool{"after a clean end": true, "after a crash": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := NewWorld(t, 1, fakeciso.Config{})
			ids, n := w.standingWork(t, clean)
			w.flipBits(t)
			w.API.ClearFaults()
			p := w.Start()
			if said := p.SaysAny("read from Kafka again", "run --rebuild"); said == "run --rebuild" {
				if code := p.Exit(); code != 2 {
					t.Errorf("exit %d", code)
				}
				w.Start("--rebuild")
			} else if !clean {
				t.Error("a store that was cut is not refused")
			}
			for id, job := range w.Ended(n) {
				if job["state"] != "succeeded" {
					t.Errorf("%s: %v", id, job)
				}
			}
			for _, id := range ids {
				history := w.API.History("applied-controls", id)
				if got := history[len(history)-1].Fields["observation"]; got != "9" {
					t.Errorf("%s ends with %v", id, got)
				}
			}
		})
	}
}

// standingWork leaves n unfinished jobs behind, ten for each control.
func (w *World) standingWork(t *testing.T, clean bool) (controls []string, n int) {
	t.Helper()
	var values []string
	for i := range 20 {
		controls = append(controls, w.API.AddControl(map[string]any{"ref_id": fmt.Sprint("c", i), "name": fmt.Sprint("C", i)}))
	}
	for round := range 10 {
		for i := range controls {
			values = append(values, update(fmt.Sprint("c", i), "observation", fmt.Sprint(round)))
		}
	}
	w.API.AddFault(fakeciso.Fault{Kind: fakeciso.Status, Code: 502, Body: "<h1>Bad Gateway</h1>", Times: -1})
	p := w.Start()
	w.Produce(values...)
	w.Known(len(values))
	if clean {
		p.Stop()
	} else {
		p.Kill()
	}
	return controls, len(values)
}

// flipBits damages every 5,000th byte of JOBS but the ends.
func (w *World) flipBits(t *testing.T) {
	t.Helper()
	block := filepath.Join(w.Env["DATA_DIR"], "jobs", "jetstream", "$G", "streams", "JOBS", "msgs", "1.blk")
	content, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	for at := 1000; at < len(content)-1000; at += 5000 {
		content[at] ^= 0x40
	}
	if err := os.WriteFile(block, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
