package main

import (
	"fmt"
	"strings"
	"time"
)

// revision is a stored file.
type revision struct {
	content string
	at      time.Time
}

// checkEvidences: no evidence, revision or link is doubled or missing.
func (o *oracle) checkEvidences() {
	byName := make(map[string][]string)
	names := make(map[string]string)
	for _, e := range o.arena.api.Objects("evidences") {
		name, id := fmt.Sprint(e["name"]), fmt.Sprint(e["id"])
		byName[name] = append(byName[name], id)
		names[id] = name
	}
	files := make(map[string][]revision) // by evidence
	for _, r := range o.arena.api.Objects("evidence-revisions") {
		id := fmt.Sprint(r["id"])
		if content := o.arena.api.File(id); content != nil {
			at, _ := time.Parse("2006-01-02T15:04:05.000000Z", fmt.Sprint(r["created_at"]))
			files[fmt.Sprint(r["evidence"])] = append(files[fmt.Sprint(r["evidence"])], revision{string(content), at})
		}
	}
	wanted := make(map[string][]*record)
	for _, r := range o.byToken {
		if r.file != "" && !o.crashed(r) {
			wanted[r.file] = append(wanted[r.file], r)
		}
	}
	for _, name := range sorted(wanted) {
		if len(byName[name]) != 1 {
			o.blame("there are %d evidences %q:\n%s", len(byName[name]), name, o.history(wanted[name][0]))
			continue
		}
		o.checkRevisions(name, files[byName[name][0]], wanted[name])
		o.checkLinks(byName[name][0], wanted[name])
	}
	for id, name := range names {
		if len(wanted[name]) == 0 && len(files[id]) > 0 {
			o.blame("evidence %q was asked for by nobody, and has files", name)
		}
	}
}

// checkRevisions: each file once and in order, but for what a switch to another
// directory repeats.
func (o *oracle) checkRevisions(name string, files []revision, wanted []*record) {
	seen := make(map[string]time.Time)
	last := make(map[string]effect)
	for _, f := range files {
		r := o.byToken[f.content]
		if r == nil {
			o.blame("evidence %q has a file %q that nobody sent", name, f.content)
			continue
		}
		is, late := o.effectOf(r, r.id, f.at)
		if first, doubled := seen[f.content]; doubled {
			switch {
			case o.know.switchedBetween(first, f.at):
				o.repeats["revisions again after a lost host"]++
			default:
				o.blame("evidence %q has %s twice, of %s and %s:\n%s", name, f.content, clock(first.Local()), clock(f.at.Local()), o.history(r))
			}
		}
		seen[f.content] = is.began
		o.checkOrder(r, is, last, late, func(format string, args ...any) {
			o.blame("evidence %q: %s:\n%s\n%s", name, fmt.Sprintf(format, args...), listing(files), o.history(r))
		})
	}
	for _, r := range wanted {
		if _, stored := seen[r.token]; !stored {
			o.blame("evidence %q has no file %s:\n%s", name, r.token, o.history(r))
		}
		if key := o.keys[r.key]; last[r.key].seq < r.seq {
			o.blame("the newest file of key %s is %d, not %d (of %d messages)", r.key, last[r.key].seq, r.seq, len(key))
		}
	}
}

func listing(files []revision) string {
	var b strings.Builder
	for _, f := range files[max(0, len(files)-30):] {
		fmt.Fprintf(&b, "    %s %s\n", clock(f.at.Local()), f.content)
	}
	return strings.TrimRight(b.String(), "\n")
}

// checkLinks: each control that a message named has the evidence once.
func (o *oracle) checkLinks(evidence string, wanted []*record) {
	for _, r := range wanted {
		links, _ := o.arena.api.Object("applied-controls", r.link)["evidences"].([]any)
		n := 0
		for _, link := range links {
			if link == evidence {
				n++
			}
		}
		if n != 1 {
			o.blame("control %s is linked %d times to evidence %s:\n%s", r.link, n, evidence, o.history(r))
		}
	}
}
