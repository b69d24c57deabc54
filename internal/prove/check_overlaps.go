package main

import (
	"slices"

	"dispatcher/internal/fakeciso"
)

// checkOverlaps: no two jobs wrote one object at the same time. The interval of
// a write is the API's: from the request's arrival until its effect is done.
func (o *oracle) checkOverlaps() {
	writes := make(map[string][]*fakeciso.Entry)
	for i := range o.journal {
		e := &o.journal[i]
		if len(e.Written) > 0 && e.End.IsZero() {
			e.End = e.Start // cannot be: the stand-in has answered all
		}
		for _, object := range e.Written {
			writes[object] = append(writes[object], e)
		}
	}
	for _, object := range sorted(writes) {
		o.checkOverlap(object, writes[object])
	}
}

func (o *oracle) checkOverlap(object string, list []*fakeciso.Entry) {
	slices.SortFunc(list, func(a, b *fakeciso.Entry) int { return a.Start.Compare(b.Start) })
	longest := list[0]
	for _, e := range list[1:] {
		if e.Start.Before(longest.End) {
			switch {
			case e.Job == longest.Job:
				o.repeats["own retries beside a request without an answer"]++
			case o.onTheWire(longest) || o.onTheWire(e):
				o.repeats["writes on the wire beside those of the next process"]++
			default:
				o.blame("%s was written by two jobs at once, %s-%s and %s-%s:\n%s\n%s", object, clock(longest.Start), clock(longest.End),
					clock(e.Start), clock(e.End), o.historyOf(longest.Job), o.historyOf(e.Job))
			}
		}
		if e.End.After(longest.End) {
			longest = e
		}
	}
}

func (o *oracle) historyOf(job string) string {
	if r := o.byID[job]; r != nil {
		return o.history(r)
	}
	return "    " + job
}
