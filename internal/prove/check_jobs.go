package main

import (
	"strings"
	"time"
)

// checkFates: every message ended as it must, by the word of `jobs list`.
func (o *oracle) checkFates() {
	for _, id := range sorted(o.byID) {
		r := o.byID[id]
		f := o.know.fates[id]
		switch {
		case f == nil:
			o.blame("%s never ended:\n%s", id, o.history(r))
		case f.code == "crashed":
			o.repeats["given up after three crashes"]++
		case r.want == "" && f.state != "succeeded", f.code != r.want:
			o.blame("%s ended %s %s instead of %q:\n%s", id, f.state, f.code, r.want, o.history(r))
		}
		if f != nil {
			o.repeats["jobs carried out again by another directory"] += len(f.ends) - 1
		}
	}
	for id := range o.know.fates {
		if o.byID[id] == nil {
			o.blame("job %s is of no message", id)
		}
	}
}

// checkReports: the errors topic has the failed ones and nothing else.
func (o *oracle) checkReports() {
	for _, id := range sorted(o.byID) {
		r, reports, f := o.byID[id], o.reports[id], o.know.fates[id]
		failed := f != nil && f.state == "failed"
		switch {
		case len(reports) == 0 && failed:
			o.blame("%s failed and was not reported:\n%s", id, o.history(r))
		case len(reports) > 0 && r.want == "" && !o.crashed(r) && reports[0].Code != "crashed":
			o.blame("%s was reported (%s) but is a good message:\n%s", id, reports[0].Error, o.history(r))
		}
		for i := 1; i < len(reports); i++ {
			o.repeats["error records again"]++
			if first, second := reports[i-1].FailedAt, reports[i].FailedAt; !second.Equal(first) && !o.failedTwice(id, first, second) {
				o.blame("%s was reported twice, failed at %s and %s:\n%s", id, clock(first.Local()), clock(second.Local()), o.history(r))
			}
		}
	}
	for _, id := range sorted(o.reports) {
		if o.byID[id] == nil {
			o.blame("the errors topic has a job %s that is of no message", id)
		}
	}
}

// failedTwice reports whether two directories may each have failed a job. The first
// may come back with its record when the second has long sent its own; and it may
// learn only then how an attempt has ended that a worker made for it before the
// second began: then it says the time of that moment.
func (o *oracle) failedTwice(id string, first, second time.Time) bool {
	if second.Before(first) {
		first, second = second, first
	}
	if o.know.switchedBetween(first, second) {
		return true
	}
	f, asked := o.know.fates[id], o.asked[id]
	if f == nil || len(asked) == 0 {
		return false
	}
	one, known := f.endedIn(first)
	other, too := f.endedIn(second)
	return known && too && one != other && o.know.switchedBetween(asked[0].Start, first)
}

// checkCommits: what a commit had passed was over: ended, reported, and never
// asked for again by anybody.
func (o *oracle) checkCommits() {
	for _, id := range sorted(o.byID) {
		r, f := o.byID[id], o.know.fates[id]
		seen, ok := o.watch.committed(r.partition, r.offset)
		if !ok || f == nil {
			continue
		}
		if f.ended.After(seen) {
			o.blame("%s ended at %s, but a commit had passed it at %s:\n%s", id, clock(f.ended), clock(seen), o.history(r))
		}
		if f.state == "failed" && (len(o.reports[id]) == 0 || o.reports[id][0].sent.After(seen.Add(time.Millisecond))) {
			o.blame("%s was reported only after a commit had passed it at %s:\n%s", id, clock(seen), o.history(r))
		}
		for i := range o.asked[id] {
			if e := &o.asked[id][i]; e.Start.After(seen) {
				o.blame("%s was asked for at %s, but a commit had passed it at %s:\n%s", id, clock(e.Start), clock(seen), o.history(r))
				break
			}
		}
	}
}

// checkRecorded: what a data directory held as done while nothing ran on it was
// never requested again as long as no other directory took over; what was handed
// over by a process that ended as it was told, never at all.
func (o *oracle) checkRecorded() {
	for _, rec := range o.know.recorded {
		suffix := stepPath(rec.step)
		if rec.step != "" && suffix == "" {
			continue
		}
		for i := range o.asked[rec.job] {
			e := &o.asked[rec.job][i]
			if e.Method == "PATCH" && e.Start.After(rec.seen) && strings.HasSuffix(e.Path, suffix) && (rec.handed || !o.know.switchedBetween(rec.seen, e.Start)) {
				o.blame("%s %s was recorded as done at %s and requested again:\n%s", rec.job, rec.step, clock(rec.seen), o.history(o.byID[rec.job]))
				break
			}
		}
	}
	o.repeats["records of dead processes checked"] = len(o.know.recorded)
}
