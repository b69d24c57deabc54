package remote

import (
	"math"
	"testing"
)

func TestAllProcessesTogetherKeepTheRate(t *testing.T) {
	t.Parallel()
	for _, carriesOut := range []bool{true, false} {
		mine := 0.0
		s := shares{total: 30}
		if carriesOut {
			mine, s.own = 30, func(r float64) { mine = r }
		}
		var told []float64
		for n := range 4 { // one after the other they come, and all renew in turn
			told = append(told, 0)
			for round := range 3 {
				for i := range told {
					if round == 0 && i < n {
						continue // the newcomer speaks first
					}
					told[i] = s.divide(append(append([]float64(nil), told[:i]...), told[i+1:]...))
					sum := mine
					for _, r := range told {
						sum += r
					}
					if sum > 30*1.1+1e-9 || told[i] <= 0 {
						t.Errorf("carries out %v: %d processes were told %v, this one %v: %v in all", carriesOut, len(told), told, mine, sum)
					}
				}
			}
			fair := 30.0 / float64(len(told))
			if carriesOut {
				fair = 30.0 / float64(len(told)+1)
			}
			for _, r := range told {
				if math.Abs(r-fair) > 1e-9 {
					t.Errorf("carries out %v: told %v after all have renewed, want %v each", carriesOut, told, fair)
				}
			}
		}
		s.keep(nil) // all have gone
		if carriesOut && mine != 30 {
			t.Errorf("alone it has %v", mine)
		}
	}
}
