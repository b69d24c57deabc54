//go:build real

package e2e

import "testing"

func TestRealProducersOfTheExamples(t *testing.T) {
	w, _, _ := realWorld(t, 3)
	sendByExamples(t, w)
}
