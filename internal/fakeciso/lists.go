package fakeciso

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// list answers a page of a resource.
func (c *call) list(resource string, light bool) {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		c.notAllowed()
		return
	}
	query := c.r.URL.Query()
	c.mu.Lock()
	rows, problems := c.apply(resource, query, c.candidates(resource, query))
	if problems != nil {
		c.mu.Unlock()
		c.json(http.StatusBadRequest, problems)
		return
	}
	rows = c.sorted(resource, query.Get("ordering"), c.onlyVisible(resource, rows))
	limit, offset := pageOf(query)
	page := rows[min(offset, len(rows)):min(offset+limit, len(rows))]
	results := make([]any, 0, len(page))
	for _, o := range page {
		if light {
			results = append(results, c.lightRow(o))
		} else {
			results = append(results, c.read(o, inList))
		}
	}
	c.mu.Unlock()
	c.json(http.StatusOK, map[string]any{
		"count": len(rows), "next": c.pageLink(query, limit, offset+limit, offset+limit < len(rows)),
		"previous": c.pageLink(query, limit, max(0, offset-limit), offset > 0), "results": results,
	})
}

func (c *call) onlyVisible(resource string, rows []*object) []*object {
	if c.user.Role == Admin || global(resource) && resource != "folders" {
		return rows
	}
	return slices.DeleteFunc(slices.Clone(rows), func(o *object) bool {
		if o.kind == "folders" {
			return o.id != c.root && !c.sees(o.id)
		}
		return !c.sees(o.fields["folder"])
	})
}

// sorted sorts as asked for; fields that there are not are ignored, and the
// order of creation decides.
func (c *call) sorted(resource, ordering string, rows []*object) []*object {
	if ordering == "" && resource == "evidence-revisions" {
		ordering = "-version"
	}
	fields := strings.Split(ordering, ",")
	fields = slices.DeleteFunc(fields, func(f string) bool {
		return !slices.Contains(shown[c.cfg.Old][resource][written], strings.TrimPrefix(f, "-"))
	})
	if len(fields) == 0 {
		return rows
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b *object) int {
		for _, f := range fields {
			name, down := strings.CutPrefix(f, "-")
			n := compareFields(a.fields[name], b.fields[name])
			if down {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	})
	return rows
}

func compareFields(a, b any) int {
	if x, ok := a.(int); ok {
		return cmp.Compare(x, number(b))
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

// candidates uses an index where a filter has one.
func (c *call) candidates(resource string, query url.Values) []*object {
	for _, field := range indexed {
		values := query[field]
		if len(values) != 1 || strings.TrimSpace(values[0]) == "" || tables[c.cfg.Old][resource][field].match == nil {
			continue
		}
		return c.index[resource][field+"="+strings.TrimSpace(values[0])]
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
