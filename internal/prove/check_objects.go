package main

import (
	"fmt"
	"strings"
	"time"

	"dispatcher/internal/fakeciso"
)

// effect is a write of a value.
type effect struct {
	seq   int
	began time.Time // when it was asked for: what lands after its process died does not belong to the next one
	at    time.Time
}

// checkObjects: the values of every field came in the order of their keys, no
// value came back by a lost update, and the last one of each key was written.
func (o *oracle) checkObjects() {
	fields := make(map[string]map[string]bool) // object → fields
	for _, r := range o.byToken {
		for _, object := range r.in {
			if fields[object] == nil {
				fields[object] = make(map[string]bool)
			}
			fields[object][r.field] = true
		}
	}
	for _, object := range sorted(fields) {
		kind, id, _ := strings.Cut(object, "/")
		changes := o.arena.api.History(kind, id)
		for _, field := range sorted(fields[object]) {
			o.checkField(object, field, changes)
		}
	}
}

func (o *oracle) checkField(object, field string, changes []fakeciso.Change) {
	before := ""
	last := make(map[string]effect)     // of each key
	first := make(map[string]time.Time) // of each value
	guilty := func(i int, format string, args ...any) {
		o.blame("%s %s: %s:\n%s", object, field, fmt.Sprintf(format, args...), o.around(field, changes, i))
	}
	for i := range changes {
		c := &changes[i]
		value, _ := c.Fields[field].(string)
		by := o.byID[c.Job]
		own := by != nil && by.token == value && by.field == field
		is, late := o.effectOf(by, c.Job, c.At)
		switch {
		case !own && value != before && late():
			o.repeats["writes on the wire that undid a newer one"]++
		case !own && value != before:
			guilty(i, "%q came back with a write of %s: an update was lost", value, c.Job)
		case own:
			o.checkOrder(by, is, last, late, func(format string, args ...any) { guilty(i, format, args...) })
			if _, known := first[value]; known {
				o.repeats["values written again"]++
			} else {
				first[value] = c.At
			}
		}
		before = value
	}
	o.checkLast(object, field, last, first, func(format string, args ...any) { guilty(len(changes)-1, format, args...) })
}

// effectOf is the write that a job did at a time, and whether its process had died
// by then.
func (o *oracle) effectOf(by *record, job string, at time.Time) (is effect, late func() bool) {
	is = effect{began: at, at: at}
	if by != nil {
		is.seq = by.seq
	}
	asked := o.writing(job, at)
	if asked != nil {
		is.began = asked.Start
	}
	return is, func() bool { return asked != nil && o.onTheWire(asked) }
}

// checkOrder: a value is not older than the one before of its key, unless
// another directory has begun in between.
func (o *oracle) checkOrder(by *record, is effect, last map[string]effect, late func() bool, blame func(string, ...any)) {
	if by.key == "" {
		return // without a key no order is promised
	}
	was, known := last[by.key]
	if known && by.seq < was.seq {
		switch {
		case late():
			o.repeats["writes on the wire that undid a newer one"]++
			return
		case o.know.switchedBetween(was.began, is.at):
			o.repeats["times that order began again after a lost host"]++
		default:
			blame("%s was written after %s/%d of %s", by.token, by.key, was.seq, clock(was.at))
		}
	}
	last[by.key] = is
}

// checkLast: every good message has its effect, and the newest of a key is the
// last of it.
func (o *oracle) checkLast(object, field string, last map[string]effect, first map[string]time.Time, blame func(string, ...any)) {
	newest := make(map[string]*record)
	for _, r := range o.byToken {
		if r.field != field || !contains(r.in, object) || o.crashed(r) {
			continue
		}
		if _, written := first[r.token]; !written {
			blame("%s was never written:\n%s", r.token, o.history(r))
		}
		if n := newest[r.key]; r.key != "" && (n == nil || n.seq < r.seq) {
			newest[r.key] = r
		}
	}
	for key, r := range newest {
		if was := last[key]; was.seq < r.seq {
			blame("the last of key %s is %d, not %d", key, was.seq, r.seq)
		}
	}
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// around is the history of a field about a change, for people.
func (o *oracle) around(field string, changes []fakeciso.Change, i int) string {
	var b strings.Builder
	var jobs []string
	for at := max(0, i-8); at < min(len(changes), i+5); at++ {
		c := &changes[at]
		mark := "  "
		if at == i {
			mark = "->"
		}
		fmt.Fprintf(&b, "  %s %s %-28v by %s\n", mark, clock(c.At), c.Fields[field], c.Job)
		if !contains(jobs, c.Job) {
			jobs = append(jobs, c.Job)
		}
	}
	for _, id := range jobs {
		if r := o.byID[id]; r != nil {
			b.WriteString(o.history(r) + "\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}
