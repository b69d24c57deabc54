package main

import (
	"fmt"
	"strings"
)

// shown is how many violations are printed whole.
const shown = 5

// totals prints what happened, and fails if the promise was broken or a fault
// never struck.
func totals(s *storm, o *oracle) error {
	note("\n%d messages (%d bad), %d kills, %d requests, %d looks at the commits (%d failed), %d switches of directory",
		len(o.byID), o.bad(), s.kills, len(o.journal), s.watch.looks, s.watch.failed, len(s.know.switches))
	note("\nfault                                     struck")
	idle := 0
	counts := s.tally.all()
	for _, name := range sorted(counts) {
		note("  %-38s %7d", name, counts[name])
		if counts[name] == 0 {
			idle++
		}
	}
	note("\nrepeats and what cannot be fenced         counted")
	for _, name := range sorted(o.repeats) {
		note("  %-60s %7d", name, o.repeats[name])
	}
	for i, wrong := range o.wrong {
		if i >= shown { // the others in a line
			wrong, _, _ = strings.Cut(wrong, "\n")
		}
		note("\nVIOLATION %d: %s", i+1, wrong)
	}
	switch {
	case len(o.wrong) > 0:
		return fmt.Errorf("the promise is broken in %d places", len(o.wrong))
	case idle > 0:
		return fmt.Errorf("%d kinds of faults never struck: the attack is not what it says", idle)
	}
	note("\nnothing was lost, doubled, reordered or written at the same time")
	return nil
}

func (o *oracle) bad() (n int) {
	for _, r := range o.byID {
		if r.want != "" {
			n++
		}
	}
	return n
}
