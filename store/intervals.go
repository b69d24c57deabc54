package store

import (
	"slices"

	"dispatcher/jobs"
)

// runs are disjoint intervals of finished offsets, ascending, never touching.
// The first one starts at -1: everything below the first read offset.
type runs []jobs.Interval

// add merges iv in and returns the runs that are gone and the one that is there
// instead.
func (r *runs) add(iv jobs.Interval) (gone []int64, merged jobs.Interval) {
	if iv.To < iv.From {
		return nil, jobs.Interval{From: 0, To: -1}
	}
	list := *r
	// The first run that iv touches: one that ends at iv.From-1 or later.
	at, _ := slices.BinarySearchFunc(list, iv.From-1, func(run jobs.Interval, from int64) int {
		if run.To < from {
			return -1
		}
		return 1
	})
	end := at
	merged = iv
	for end < len(list) && list[end].From <= merged.To+1 {
		merged.From = min(merged.From, list[end].From)
		merged.To = max(merged.To, list[end].To)
		gone = append(gone, list[end].From)
		end++
	}
	if end == at+1 { // the common case: one run grows in place
		list[at] = merged
		return gone, merged
	}
	*r = slices.Replace(list, at, end, merged)
	return gone, merged
}

// low returns the first offset that is not finished.
func (r runs) low() int64 {
	if len(r) == 0 || r[0].From > 0 {
		return 0
	}
	return r[0].To + 1
}

// above returns the finished runs beyond low, a copy.
func (r runs) above() []jobs.Interval {
	if len(r) > 0 && r[0].From <= 0 {
		r = r[1:]
	}
	return slices.Clone(r)
}
