package fakeciso

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// filterFunc narrows a list; problem is the 400 that a bad value gets.
type filterFunc func(c *call, o *object, values []string) bool

type filterSpec struct {
	match filterFunc
	check func(c *call, values []string) (problem string)
}

// filterTable returns what a resource filters by; nothing else is looked at.
func (c *call) filterTable(resource string) map[string]filterSpec {
	t := map[string]filterSpec{"id": {match: byID, check: checkIDs}, "folder": related("folder", "folders")}
	switch resource {
	case "applied-controls":
		t["name"], t["ref_id"] = textFilter("name"), textFilter("ref_id")
		t["status"] = choiceFilter("status", "to_do", "in_progress", "on_hold", "active", "degraded", "deprecated", "--")
		t["priority"] = choiceFilter("priority", "1", "2", "3", "4", "--")
		t["effort"] = choiceFilter("effort", "XS", "S", "M", "L", "XL", "--")
		t["category"] = choiceFilter("category", "policy", "process", "technical", "physical", "procedure", "--")
		t["eta"] = filterSpec{match: byText("eta"), check: checkDate}
		t["evidences"] = member("evidences", "evidences")
		t["todo"] = filterSpec{match: func(_ *call, o *object, v []string) bool {
			switch v[len(v)-1] {
			case "true", "True", "1":
				return o.fields["status"] == "to_do"
			}
			return true // what cannot be parsed is ignored
		}}
	case "requirement-assessments":
		t["compliance_assessment"] = related("compliance_assessment", "compliance-assessments")
		t["compliance_assessment__ref_id"] = filterSpec{match: func(c *call, o *object, v []string) bool {
			ca := c.objects["compliance-assessments"][fmt.Sprint(o.fields["compliance_assessment"])]
			return ca != nil && ca.fields["ref_id"] == strings.TrimSpace(v[len(v)-1])
		}}
		key := "urn"
		if c.cfg.Old {
			key = "ref_id"
		}
		t["requirement__"+key] = filterSpec{match: func(c *call, o *object, v []string) bool {
			node := c.objects["requirement-nodes"][fmt.Sprint(o.fields["requirement"])]
			return node != nil && node.fields[key] == strings.TrimSpace(v[len(v)-1])
		}}
		t["result"] = choiceFilter("result", "not_assessed", "partially_compliant", "non_compliant", "compliant", "not_applicable")
		t["folder__name"] = filterSpec{match: func(c *call, o *object, v []string) bool {
			f := c.objects["folders"][fmt.Sprint(o.fields["folder"])]
			return f != nil && f.fields["name"] == strings.TrimSpace(v[len(v)-1])
		}}
	case "evidences":
		t["name"] = textFilter("name")
		t["applied_controls"] = member("applied_controls", "applied-controls")
	case "evidence-revisions":
		t["evidence"] = related("evidence", "evidences")
	case "compliance-assessments":
		t["name"], t["ref_id"] = textFilter("name"), textFilter("ref_id")
		t["framework"] = related("framework", "frameworks")
	case "requirement-nodes":
		t["framework"], t["urn"] = related("framework", "frameworks"), textFilter("urn")
	case "folders":
		t["name"] = textFilter("name")
		delete(t, "folder")
	}
	return t
}

// apply filters a list as django-filter does: unknown parameters and empty
// values are ignored. problems are the 400's fields.
func (c *call) apply(resource string, query url.Values, list []*object) (kept []*object, problems map[string]any) {
	table := c.filterTable(resource)
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
		ok := search == "" || strings.Contains(strings.ToLower(fmt.Sprint(o.fields["name"], o.fields["description"], o.fields["ref_id"])), search)
		for _, f := range all {
			ok = ok && f.spec.match(c, o, f.values)
		}
		if ok {
			kept = append(kept, o)
		}
	}
	return kept, nil
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

// list answers a page of a resource.
func (c *call) list(resource string, light bool) {
	if c.r.Method != "GET" && c.r.Method != "HEAD" {
		c.detail(405, `Method "`+c.r.Method+`" not allowed.`)
		return
	}
	query := c.r.URL.Query()
	c.mu.Lock()
	rows, problems := c.apply(resource, query, c.candidates(resource, query))
	if problems != nil {
		c.mu.Unlock()
		c.json(400, problems)
		return
	}
	if !global(resource) && c.user.Role != Admin {
		rows = slices.DeleteFunc(slices.Clone(rows), func(o *object) bool { return !c.sees(o.fields["folder"]) })
	}
	if resource == "evidence-revisions" {
		rows = slices.Clone(rows)
		slices.SortStableFunc(rows, func(a, b *object) int { return number(b.fields["version"]) - number(a.fields["version"]) })
	}
	limit, offset := pageOf(query)
	page := rows[min(offset, len(rows)):min(offset+limit, len(rows))]
	results := make([]any, 0, len(page))
	for _, o := range page {
		if light {
			results = append(results, c.lightRow(o))
		} else {
			results = append(results, c.trim(resource, c.listRow(o)))
		}
	}
	c.mu.Unlock()
	c.json(200, map[string]any{
		"count": len(rows), "next": c.pageLink(query, limit, offset+limit, offset+limit < len(rows)),
		"previous": c.pageLink(query, limit, max(0, offset-limit), offset > 0), "results": results,
	})
}

// candidates uses an index where a filter has one.
func (c *call) candidates(resource string, query url.Values) []*object {
	for _, field := range indexed {
		values := query[field]
		if len(values) != 1 || strings.TrimSpace(values[0]) == "" || c.filterTable(resource)[field].match == nil {
			continue
		}
		if field == "evidence" || field == "compliance_assessment" || field == "name" || field == "ref_id" {
			return c.index[resource][field+"="+strings.TrimSpace(values[0])]
		}
	}
	if ref := query.Get("compliance_assessment__ref_id"); ref != "" && resource == "requirement-assessments" {
		var all []*object
		for _, ca := range c.index["compliance-assessments"]["ref_id="+strings.TrimSpace(ref)] {
			all = append(all, c.index[resource]["compliance_assessment="+ca.id]...)
		}
		return all
	}
	return c.order[resource]
}

// defaultPage is PAGINATE_BY.
const defaultPage = 5000

func pageOf(query url.Values) (limit, offset int) {
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || limit <= 0 {
		limit = defaultPage
	}
	if offset, err = strconv.Atoi(query.Get("offset")); err != nil || offset < 0 {
		offset = 0
	}
	return limit, offset
}

// pageLink is relative, and keeps the filters.
func (c *call) pageLink(query url.Values, limit, offset int, there bool) any {
	if !there {
		return nil
	}
	q := url.Values{}
	for k, v := range query {
		q[k] = v
	}
	q.Set("limit", strconv.Itoa(limit))
	q.Set("offset", strconv.Itoa(offset))
	if offset == 0 {
		q.Del("offset")
	}
	return c.r.URL.Path + "?" + q.Encode()
}

func number(v any) int {
	switch v := v.(type) {
	case int:
		return v
	case float64:
		return int(v)
	}
	return 0
}
