package fakeciso

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// filterFunc narrows a list; problem is the 400 that a bad value gets.
type filterFunc func(c *call, o *object, values []string) bool

type filterSpec struct {
	match filterFunc
	check func(c *call, values []string) (problem string)
}

// apply filters a list as django-filter does: unknown parameters and empty
// values are ignored. problems are the 400's fields.
func (c *call) apply(resource string, query url.Values, list []*object) (kept []*object, problems map[string]any) {
	table := tables[c.cfg.Old][resource]
	type active struct {
		spec   filterSpec
		values []string
	}
	var all []active
	for name, spec := range table {
		values := slices.DeleteFunc(slices.Clone(query[name]), func(v string) bool { return v == "" })
		if len(values) == 0 {
			continue
		}
		if spec.check != nil {
			if problem := spec.check(c, values); problem != "" {
				return nil, map[string]any{name: []any{problem}}
			}
		}
		all = append(all, active{spec, values})
	}
	search := strings.ToLower(query.Get("search"))
	for _, o := range list {
		ok := search == "" || strings.Contains(strings.ToLower(c.searched(o)), search)
		for _, f := range all {
			ok = ok && f.spec.match(c, o, f.values)
		}
		if ok {
			kept = append(kept, o)
		}
	}
	return kept, nil
}

// searched is the text of an object that search looks at: that of its
// requirement for a requirement assessment.
func (c *call) searched(o *object) string {
	if node := c.objects["requirement-nodes"][fmt.Sprint(o.fields["requirement"])]; node != nil {
		return fmt.Sprintln(node.fields["name"], node.fields["description"], node.fields["urn"])
	}
	return fmt.Sprintln(o.fields["name"], o.fields["description"], o.fields["ref_id"])
}

func byID(_ *call, o *object, values []string) bool {
	return slices.Contains(strings.Split(strings.ToLower(values[len(values)-1]), ","), o.id)
}

func checkIDs(_ *call, values []string) string {
	for _, id := range strings.Split(values[len(values)-1], ",") {
		if !uuid.MatchString(strings.TrimSpace(id)) {
			return "Enter a valid UUID."
		}
	}
	return ""
}

// byText compares the last value, stripped, with case.
func byText(field string) filterFunc {
	return func(_ *call, o *object, v []string) bool {
		return fmt.Sprint(o.fields[field]) == strings.TrimSpace(v[len(v)-1])
	}
}

func textFilter(field string) filterSpec { return filterSpec{match: byText(field)} }

func choiceFilter(field string, allowed ...string) filterSpec {
	return filterSpec{
		check: func(_ *call, values []string) string {
			for _, v := range values {
				if !slices.Contains(allowed, v) {
					return fmt.Sprintf("Select a valid choice. %s is not one of the available choices.", v)
				}
			}
			return ""
		},
		match: func(_ *call, o *object, values []string) bool {
			have := "--"
			if o.fields[field] != nil {
				have = fmt.Sprint(o.fields[field])
			}
			return slices.Contains(values, have)
		},
	}
}

func checkRelated(kind string) func(c *call, values []string) string {
	return func(c *call, values []string) string {
		for _, v := range values {
			if !uuid.MatchString(v) {
				return "“" + v + "” is not a valid value."
			}
			if c.objects[kind][strings.ToLower(v)] == nil {
				return fmt.Sprintf("Select a valid choice. %s is not one of the available choices.", v)
			}
		}
		return ""
	}
}

func related(field, kind string) filterSpec {
	return filterSpec{check: checkRelated(kind), match: func(_ *call, o *object, values []string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, fmt.Sprint(o.fields[field])) })
	}}
}

func member(field, kind string) filterSpec {
	return filterSpec{check: checkRelated(kind), match: func(_ *call, o *object, values []string) bool {
		list, _ := o.fields[field].([]any)
		return slices.ContainsFunc(list, func(v any) bool { return slices.Contains(values, fmt.Sprint(v)) })
	}}
}

func checkDate(_ *call, values []string) string {
	if v := values[len(values)-1]; len(v) != 10 || v[4] != '-' || v[7] != '-' {
		return "Enter a valid date."
	}
	return ""
}

// boolFilter takes what cannot be parsed for nothing.
func boolFilter(is func(c *call, o *object) bool) filterSpec {
	return filterSpec{match: func(c *call, o *object, v []string) bool {
		switch v[len(v)-1] {
		case "true", "True", "1":
			return is(c, o)
		case "false", "False", "0":
			return !is(c, o)
		}
		return true
	}}
}

// rangeFilter compares texts that are in the order of what they stand for.
func rangeFilter(field, op string) filterSpec {
	return filterSpec{match: func(_ *call, o *object, v []string) bool {
		have, ok := o.fields[field].(string)
		want := v[len(v)-1]
		switch op {
		case "gte":
			return ok && have >= want
		case "gt":
			return ok && have > want
		case "lte":
			return ok && have <= want
		}
		return ok && have < want
	}}
}
