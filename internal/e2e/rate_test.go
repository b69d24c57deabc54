package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
)

func TestTheRateLimitHoldsOverAllWorkersTogether(t *testing.T) {
	t.Parallel()
	const limit, messages = 20, 60
	w := NewWorld(t, 1, fakeciso.Config{})
	var list []string
	for i := range messages {
		ref := fmt.Sprint("AC-", i)
		w.API.AddControl(map[string]any{"ref_id": ref, "name": ref})
		list = append(list, update(ref, "status", "active"))
	}
	w.Listen()
	run := w.Start("CONCURRENCY=2", fmt.Sprint("API_RATE_LIMIT=", limit)) // it carries out jobs, too
	run.Says("active: working")
	for _, name := range []string{"w1", "w2"} { // they know of no limit themselves
		w.Worker(w.Join("worker", name)).Says("CISO Assistant answers")
	}
	w.Produce(list...)
	workers := make(map[string]bool)
	for _, job := range w.Ended(messages) {
		workers[fmt.Sprint(job["worker"])] = true
	}
	if len(workers) != 3 {
		t.Errorf("carried out by %v, want 3 processes", workers)
	}
	var first, last time.Time
	n := 0
	for _, e := range w.API.Journal() {
		if !strings.HasPrefix(e.Path, "/api/applied-controls/") {
			continue
		}
		if n++; first.IsZero() {
			first = e.Start
		}
		last = e.Start
	}
	// A second's worth may come at once; a newcomer has a tenth of its share before the others hear of it.
	if took, least := last.Sub(first), time.Duration(float64(n-limit)/(1.1*limit)*float64(time.Second)); n < 2*messages || took < least {
		t.Errorf("%d requests took %s, at %d a second they take %s at least", n, took, limit, least)
	}
}
