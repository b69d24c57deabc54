package e2e

import (
	"net"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
)

func TestRebuildLeavesTheStoreOfARunningProcessAndOneThatCannotStartAlone(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := w.Start()
	p.Says("active: working")
	w.Produce(update("foo", "status", "active"))
	w.Ended(1)
	if _, stderr, code := w.Run("run", "--rebuild"); code != 2 || !strings.Contains(stderr, "in use") {
		t.Errorf("while it runs: exit %d: %s", code, stderr)
	}
	p.Stop()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	w.Env["HTTP_LISTEN"] = taken.Addr().String()
	if _, stderr, code := w.Run("run", "--rebuild"); code != 2 || !strings.Contains(stderr, "the store is left as it is") {
		t.Errorf("where it cannot listen: exit %d: %s", code, stderr)
	}
	w.Env["HTTP_LISTEN"] = "off"
	w.Ended(1) // the history is still there
}
