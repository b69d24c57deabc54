package store

import (
	"slices"
	"testing"
)

func TestOnlyOutcomesWaitForEachOtherForLong(t *testing.T) {
	t.Parallel()
	outcome, lease := &operation{outcome: true}, &operation{}
	many := slices.Repeat([]*operation{outcome}, 1000)
	if got := pauseAfter(many[:1]); got != pauseEach {
		t.Errorf("after one: %s, want %s", got, pauseEach)
	}
	if got := pauseAfter(many); got != pauseOutcomes {
		t.Errorf("after outcomes: %s, want %s", got, pauseOutcomes)
	}
	if got := pauseAfter(append(many, lease)); got != pauseMost {
		t.Errorf("with a lease among them: %s, want %s", got, pauseMost)
	}
}
