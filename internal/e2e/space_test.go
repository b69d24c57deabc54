package e2e

import (
	"errors"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
)

func TestWhenSpaceIsShortOldMessagesGoFirstAndWorkGoesOn(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	foo := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := w.Start("MAX_STORE_BYTES=64MiB")
	bad := `{"message_type":"no such type","values":{"a":"` + strings.Repeat("x", 900<<10) + `"}}`
	for range 90 {
		w.Produce(bad)
	}
	w.Ended(90)
	p.Says("space is short")
	w.Produce(update("foo", "observation", "done"))
	w.Ended(91)
	if h := w.API.History("applied-controls", foo); len(h) != 1 {
		t.Errorf("%d changes", len(h))
	}
	eventually(t, "the error records", func() error {
		if n := len(w.Errors()); n != 90 {
			return errorOf(n)
		}
		return nil
	})
	eventually(t, "the hold to end", func() error {
		if stats, _, _ := w.Run("jobs", "stats", "--json"); strings.Contains(stats, "store_full") {
			return errors.New(stats)
		}
		return nil
	})
}
