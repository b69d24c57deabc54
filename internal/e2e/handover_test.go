package e2e

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestARunThatIsToldToEndStaysInTheGroupUntilItsWorkersLeasesHaveEnded: a worker that
// it cannot hear may still write; another run host would not know of it.
func TestARunThatIsToldToEndStaysInTheGroupUntilItsWorkersLeasesHaveEnded(t *testing.T) {
	t.Parallel()
	w, run, w1, w2 := crowd(t, 1)
	w.Env["DATA_DIR"], w.Env["LISTEN"] = filepath.Join(w.Dir, "other"), freeAddress(t)
	other := w.Start()
	other.Says("standing by")
	w.slowWrites(time.Second)
	w.Produce(update("c0", "observation", "a"))
	eventually(t, "a write to begin", func() error {
		if w.API.Count("PATCH", "/api/applied-controls") < 1 {
			return errors.New("it has not")
		}
		return nil
	})
	for _, p := range []*Process{w1, w2} {
		p.Signal(syscall.SIGSTOP)
	}
	run.Signal(syscall.SIGTERM)
	other.Says("active: working")
	if !run.Log.Has("a worker was silent for too long") {
		t.Errorf("the next one is active before the lease has ended:\n%s", run.Log)
	}
	run.Stop()
}
