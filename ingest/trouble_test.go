package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
)

func TestATroubleThatIsOnlyASlowBrokerCostsNothing(t *testing.T) {
	t.Parallel()
	looks := 0
	tr := &trouble{log: slog.New(slog.DiscardHandler), look: func(context.Context) error { looks++; return nil }}
	for range 3 {
		tr.note("i/o timeout")
		if err := tr.weigh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.weigh(t.Context()); err != nil || looks != 3 {
		t.Errorf("%d looks, %v", looks, err)
	}
}

func TestWhatHappensDuringALookIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	var tr *trouble
	answers := []error{errors.New("connection refused"), nil, fmt.Errorf("%w: recreated", errReassign)}
	tr = &trouble{log: slog.New(slog.DiscardHandler), look: func(context.Context) error {
		err := answers[0]
		if answers = answers[1:]; err == nil {
			tr.note("a second one")
		}
		return err
	}}
	tr.note("a first one")
	if err := tr.weigh(t.Context()); !errors.Is(err, errReassign) || len(answers) != 0 {
		t.Errorf("%v, %d looks left", err, len(answers))
	}
}
