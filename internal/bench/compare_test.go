package main

import (
	"slices"
	"testing"
)

func TestARatioThatFellByMoreThanAFifthIsNamed(t *testing.T) {
	t.Parallel()
	before := map[string]float64{"ratio a": 0.5, "ratio b": 0.5, "ratio c": 0.5, "idle p50 ms": 100}
	now := map[string]float64{"ratio a": 0.39, "ratio b": 0.41, "idle p50 ms": 1}
	if got := slower(before, now); !slices.Equal(got, []string{"ratio a is 0.39, was 0.50"}) {
		t.Errorf("%q", got)
	}
}
