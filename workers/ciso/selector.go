package ciso

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"dispatcher/internal/anyjson"
	"dispatcher/jobs"
)

// Selector says which objects a message means: field → value, and target.
type Selector map[string]any

// condition is one key of a selector, checked.
type condition struct {
	name   string
	filter filter
	values []string // any of them
}

// query is a selector that has been checked against its resource.
type query struct {
	resource   Resource
	conditions []condition
	multiple   bool
	want       []string // members of rows that are looked at
}

// Check reports what is wrong with a selector before anything is asked.
func (s Selector) Check(resource Resource) error {
	_, err := s.parse(resource, filters(resource))
	return err
}

// parse checks a selector: known keys, sensible values, a target. Nothing that
// the API would ignore may pass, because ignoring a filter selects everything.
func (s Selector) parse(resource Resource, known map[string]filter) (*query, error) {
	q := &query{resource: resource, conditions: make([]condition, 0, len(s)), want: []string{"id", "name", "folder"}}
	if resource == RequirementAssessments {
		q.want = append(q.want, "compliance_assessment", "requirement")
	}
	for _, name := range anyjson.Names(s) {
		if name == "target" {
			if err := q.target(s[name]); err != nil {
				return nil, err
			}
			continue
		}
		f, ok := known[name]
		if !ok {
			return nil, unknownKey(resource, name, known)
		}
		values, err := valuesOf(name, s[name], f.kind)
		if err != nil {
			return nil, err
		}
		q.conditions = append(q.conditions, condition{name: name, filter: f, values: values})
		q.want = append(q.want, member(name))
	}
	if len(q.conditions) == 0 {
		return nil, jobs.Fail(jobs.CodeInvalidSelector, "the selector names no field of %s; give one such as %s", resource, example(resource))
	}
	return q, nil
}

func example(r Resource) string {
	switch r {
	case RequirementAssessments:
		return `{"compliance_assessment__ref_id":"…","requirement__ref_id":"…"}`
	case Evidences:
		return `{"name":"…"}`
	}
	return `{"ref_id":"…"}`
}

func (q *query) target(v any) error {
	switch v {
	case "single", nil:
	case "multiple":
		q.multiple = true
	default:
		return jobs.Fail(jobs.CodeInvalidSelector, "target %s is not known; use single or multiple", shortJSON(v))
	}
	return nil
}

func unknownKey(resource Resource, name string, known map[string]filter) error {
	switch name {
	case "search", "ordering", "limit", "offset":
		return jobs.Fail(jobs.CodeInvalidSelector, "%q does not select; name fields of %s, such as %s", name, resource, example(resource))
	}
	return jobs.Fail(jobs.CodeInvalidSelector, "%q is no filter of %s%s", cutText(name, 80), resource,
		jobs.Nearest(name, slices.Sorted(maps.Keys(known))))
}

// valuesOf reads a selector value: a non-empty string, number or boolean, or
// for choices and ids a list of them.
func valuesOf(name string, v any, k kind) ([]string, error) {
	list, isList := v.([]any)
	if !isList {
		text, err := valueOf(name, v, k)
		return []string{text}, err
	}
	if !k.many() {
		return nil, jobs.Fail(jobs.CodeInvalidSelector, "%q takes one value, not a list", name)
	}
	if len(list) == 0 {
		return nil, jobs.Fail(jobs.CodeInvalidSelector, "%q is an empty list", name)
	}
	values := make([]string, 0, len(list))
	for _, item := range list {
		text, err := valueOf(name, item, k)
		if err != nil {
			return nil, err
		}
		values = append(values, text)
	}
	return values, nil
}

func valueOf(name string, v any, k kind) (text string, err error) {
	switch v := v.(type) {
	case string:
		text = v
	case json.Number:
		text = v.String()
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case int:
		text = strconv.Itoa(v)
	case bool:
		text = strconv.FormatBool(v)
	default:
		return "", jobs.Fail(jobs.CodeInvalidSelector, "%q is %s: a non-empty string, number or boolean is needed", name, shortJSON(v))
	}
	return text, checkText(name, text, k)
}

// checkText refuses what the API would take for no filter at all.
func checkText(name, text string, k kind) error {
	switch {
	case strings.TrimFunc(text, blank) == "":
		return jobs.Fail(jobs.CodeInvalidSelector, "%q is empty: the API would select everything", name)
	case strings.ContainsRune(text, 0) || !utf8.ValidString(text):
		return jobs.Fail(jobs.CodeInvalidSelector, "%q holds a character that the API does not accept", name)
	case k == boolKind && !slices.Contains(BoolSpellings(), text):
		return jobs.Fail(jobs.CodeInvalidSelector, "%q is %s: use true or false, the API would select everything", name, shortJSON(text))
	case k == ownID && strings.Contains(text, ","):
		return jobs.Fail(jobs.CodeInvalidSelector, "%q holds a comma: give several ids as a list", name)
	}
	return nil
}

// blank are the characters that Python's strip takes off.
func blank(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// many reports whether any of several values may match: for other filters the
// last one wins.
func (k kind) many() bool { return k == idKind || k == choiceKind || k == ownID }

func shortJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "unreadable"
	}
	return cutText(string(text), 60)
}

func cutText(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// parameters returns the conditions as URL parameters.
func (q *query) parameters() url.Values {
	p := url.Values{}
	for _, c := range q.conditions {
		switch {
		case c.filter.kind == ownID:
			p.Set(c.name, strings.Join(c.values, ","))
		default:
			p[c.name] = c.values
		}
	}
	return p
}

// matches reports whether a row shows everything that was selected.
func (q *query) matches(r row) bool {
	for _, c := range q.conditions {
		if c.filter.sees != nil && !slices.ContainsFunc(c.values, func(v string) bool { return c.filter.sees(r, v) }) {
			return false
		}
	}
	return true
}

// light reports whether the rows of autocomplete/ show all that is selected.
func (q *query) light() bool {
	return q.resource == AppliedControls &&
		!slices.ContainsFunc(q.conditions, func(c condition) bool { return !c.filter.light })
}

// has returns the condition on a key, nil if there is none.
func (q *query) has(name string) *condition {
	for i := range q.conditions {
		if q.conditions[i].name == name {
			return &q.conditions[i]
		}
	}
	return nil
}

// Affects reports whether writing fields could change what the selector
// matches: then the matched ids must be stored before the first write.
func (s Selector) Affects(fields map[string]any) bool {
	for name := range s {
		base, _, _ := strings.Cut(name, "__")
		if name == "target" || name == "id" {
			continue
		}
		if _, ok := fields[base]; ok {
			return true
		}
		switch base {
		case "name", "ref_id", "folder", "compliance_assessment", "requirement", "reference_control":
		default:
			return true // times and derived filters follow from any write
		}
	}
	return false
}
