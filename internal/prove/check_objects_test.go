package main

import (
	"testing"
	"time"
)

// A host asked for the write of the second value and was lost before that landed;
// the next one begins with the first value again. Without a change of host this is
// a violation.
func TestAWriteThatLandsAfterItsHostWasLostBelongsToThatHost(t *testing.T) {
	t.Parallel()
	began := time.Now()
	after := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	for name, lost := range map[string]time.Time{"lost meanwhile": after(2), "never lost": {}, "lost later": after(9)} {
		o := &oracle{know: newKnowledge(), repeats: make(map[string]int)}
		if !lost.IsZero() {
			o.know.switches = append(o.know.switches, lost)
		}
		last := make(map[string]effect)
		blamed := 0
		for _, e := range []effect{{seq: 2, began: after(1), at: after(3)}, {seq: 1, began: after(5), at: after(5)}} {
			by := &record{message: &message{key: "k", seq: e.seq}}
			o.checkOrder(by, e, last, func() bool { return false }, func(string, ...any) { blamed++ })
		}
		if want := name != "lost meanwhile"; (blamed == 1) != want {
			t.Errorf("%s: blamed %d times", name, blamed)
		}
	}
}
