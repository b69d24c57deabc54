package ciso

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The API filters requirement assessments by requirement__urn since v3.15.0 and
// by requirement__ref_id before (core/views.py), and ignores the other one. So
// both are sent: the urns are looked up in the audits' frameworks, whose nodes
// never change, and every row is checked against the ref_id all the same.

// auditFresh is how long an audit's ids are believed. A row that is of none of
// them has them looked up again.
const auditFresh = 5 * time.Minute

// audit is a compliance assessment.
type audit struct{ id, framework string }

// auditCache remembers audits by ref_id and nodes by framework.
type auditCache struct {
	mu     sync.Mutex
	audits map[string]cachedAudits
	urns   map[string]map[string][]string // framework → ref_id → urns
}

type cachedAudits struct {
	list []audit
	at   time.Time
}

// requirementRows resolves selectors that name a requirement or an audit by
// ref_id.
func (c *Client) requirementRows(ctx context.Context, q *query) ([]row, int, error) {
	for try := 0; ; try++ {
		audits, known, err := c.auditsOf(ctx, q, try > 0)
		if err != nil {
			return nil, 0, err
		}
		if known && len(audits) == 0 {
			return nil, 0, nil
		}
		rows, total, err := c.rowsOfAudits(ctx, q, audits, known)
		stale := err == nil && known && (total == 0 || !allOf(rows, audits))
		if !stale || try > 0 {
			return rows, total, err
		}
	}
}

// allOf reports whether every row belongs to one of the audits.
func allOf(rows []row, audits []audit) bool {
	for _, r := range rows {
		id := r.inner("compliance_assessment").str("id")
		if !slices.ContainsFunc(audits, func(a audit) bool { return a.id == id }) {
			return false
		}
	}
	return true
}

func (c *Client) rowsOfAudits(ctx context.Context, q *query, audits []audit, known bool) ([]row, int, error) {
	strict := *q
	if known { // the rows show the audit's id only
		ids := make([]string, len(audits))
		for i, a := range audits {
			ids[i] = a.id
		}
		strict.conditions = append(slices.Clone(q.conditions), condition{
			name: "compliance_assessment", filter: filter{kind: idKind, sees: sameRelated("compliance_assessment")}, values: ids,
		})
	}
	parameters := strict.parameters()
	ref := q.has("requirement__ref_id")
	if ref == nil {
		return c.matching(ctx, &strict, parameters)
	}
	urns, err := c.urnsOf(ctx, audits, ref.values[0])
	if err != nil {
		return nil, 0, err
	}
	if len(urns) == 0 { // no audit named: only looking at all rows can tell
		return c.matching(ctx, &strict, parameters)
	}
	var rows []row
	total := 0
	for _, urn := range urns {
		parameters.Set("requirement__urn", urn)
		some, n, err := c.matching(ctx, &strict, parameters)
		if err != nil {
			return nil, 0, err
		}
		rows, total = append(rows, some...), total+n
	}
	return rows, total, nil
}

// auditsOf returns the audits that the selector names; known is false if it
// names none.
func (c *Client) auditsOf(ctx context.Context, q *query, fresh bool) (audits []audit, known bool, err error) {
	if cond := q.has("compliance_assessment__ref_id"); cond != nil {
		audits, err = c.auditsBy(ctx, "ref_id", cond.values[0], fresh)
		return audits, true, err
	}
	cond := q.has("compliance_assessment")
	if cond == nil {
		return nil, false, nil
	}
	for _, id := range cond.values {
		some, err := c.auditsBy(ctx, "id", id, fresh)
		if err != nil {
			return nil, true, err
		}
		audits = append(audits, some...)
	}
	return audits, true, nil
}

func (c *Client) auditsBy(ctx context.Context, field, value string, fresh bool) ([]audit, error) {
	key := field + "=" + value
	c.audits.mu.Lock()
	cached, ok := c.audits.audits[key]
	c.audits.mu.Unlock()
	if ok && !fresh && c.cfg.Clock().Sub(cached.at) < auditFresh {
		return cached.list, nil
	}
	var page list
	parameters := url.Values{field: {value}, "limit": {"100"}}
	if err := c.call(ctx, &request{method: http.MethodGet, path: "/compliance-assessments/", query: parameters.Encode()}, &page); err != nil {
		return nil, err
	}
	var found []audit
	for _, r := range page.Results {
		if sameField(field)(r, value) {
			found = append(found, audit{id: r.str("id"), framework: r.inner("framework").str("id")})
		}
	}
	c.audits.mu.Lock()
	defer c.audits.mu.Unlock()
	if c.audits.audits == nil {
		c.audits.audits = make(map[string]cachedAudits)
	}
	c.audits.audits[key] = cachedAudits{list: found, at: c.cfg.Clock()}
	return found, nil
}

// urnsOf returns the urns of a requirement in the frameworks of the audits.
func (c *Client) urnsOf(ctx context.Context, audits []audit, ref string) (urns []string, err error) {
	for _, a := range audits {
		nodes, err := c.nodes(ctx, a.framework)
		if err != nil {
			return nil, err
		}
		for _, urn := range nodes[ref] {
			if !slices.Contains(urns, urn) {
				urns = append(urns, urn)
			}
		}
	}
	return urns, nil
}

// nodes returns the requirements of a framework: ref_id → urns.
func (c *Client) nodes(ctx context.Context, framework string) (map[string][]string, error) {
	if framework == "" {
		return nil, nil
	}
	c.audits.mu.Lock()
	nodes, ok := c.audits.urns[framework]
	c.audits.mu.Unlock()
	if ok {
		return nodes, nil
	}
	nodes = make(map[string][]string)
	for offset, total := 0, 1; offset < total; {
		var page list
		parameters := url.Values{"framework": {framework}, "limit": {"5000"}, "offset": {strconv.Itoa(offset)}, "ordering": {"id"}}
		if err := c.call(ctx, &request{method: http.MethodGet, path: "/requirement-nodes/", query: parameters.Encode()}, &page); err != nil {
			return nil, err
		}
		if len(page.Results) == 0 && page.Count > offset {
			return nil, fmt.Errorf("list requirements of framework %s: an empty page", framework)
		}
		for _, r := range page.Results {
			if ref := r.str("ref_id"); ref != "" && r.str("framework") == framework {
				nodes[ref] = append(nodes[ref], r.str("urn"))
			}
		}
		offset, total = offset+len(page.Results), page.Count
	}
	c.audits.mu.Lock()
	defer c.audits.mu.Unlock()
	if c.audits.urns == nil {
		c.audits.urns = make(map[string]map[string][]string)
	}
	c.audits.urns[framework] = nodes
	return nodes, nil
}
