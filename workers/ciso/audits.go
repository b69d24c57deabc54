package ciso

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"dispatcher/jobs"
)

// The API filters requirement assessments by requirement__urn since v3.15.0 and
// by requirement__ref_id before (core/views.py), and ignores the other one. So
// both are sent: the urns are looked up in the audits' frameworks, whose nodes
// hardly change, and every row is checked against the ref_id all the same.

// auditFresh is how long an audit's ids are believed. What does not fit them
// has them looked up again at once.
const auditFresh = time.Minute

// audit is a compliance assessment.
type audit struct{ id, framework string }

// auditCache remembers audits by ref_id or id, and nodes by framework.
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
// ref_id. What it remembers of audits may have changed: if the outcome hints at
// that, it looks again.
func (c *Client) requirementRows(ctx context.Context, q *query) ([]row, int, error) {
	audits, known, err := c.auditsOf(ctx, q, false)
	if err != nil {
		return nil, 0, err
	}
	rows, total, err := c.rowsOfAudits(ctx, q, audits, func(r row) bool { return q.matches(r) })
	if !known || err == nil && total > 0 && allOf(rows, audits) {
		return rows, total, err
	}
	var failure *jobs.Failure
	if err != nil && !errors.As(err, &failure) {
		return nil, 0, err
	}
	fresh, _, freshErr := c.auditsOf(ctx, q, true)
	if freshErr != nil {
		return nil, 0, freshErr
	}
	if slices.Equal(audits, fresh) && total == 0 {
		return rows, total, err
	}
	return c.rowsOfAudits(ctx, q, fresh, func(r row) bool { return q.matches(r) && ofAny(r, fresh) })
}

// allOf reports whether every row belongs to one of the audits.
func allOf(rows []row, audits []audit) bool {
	return !slices.ContainsFunc(rows, func(r row) bool { return !ofAny(r, audits) })
}

func ofAny(r row, audits []audit) bool {
	id := r.inner("compliance_assessment").str("id")
	return slices.ContainsFunc(audits, func(a audit) bool { return a.id == id })
}

// rowsOfAudits lists the rows, for each urn that the requirement has.
func (c *Client) rowsOfAudits(ctx context.Context, q *query, audits []audit, matches func(row) bool) ([]row, int, error) {
	parameters := q.parameters()
	ref := q.has("requirement__ref_id")
	if ref == nil || q.has("requirement__urn") != nil {
		return c.matching(ctx, q, parameters, matches)
	}
	urns, err := c.urnsOf(ctx, audits, ref.values[0])
	if err != nil {
		return nil, 0, err
	}
	if len(urns) == 0 { // no audit named, or a node we do not know: only looking at all rows can tell
		return c.matching(ctx, q, parameters, matches)
	}
	var rows []row
	total := 0
	for _, urn := range urns {
		parameters.Set("requirement__urn", urn)
		some, n, err := c.matching(ctx, q, parameters, func(r row) bool {
			return matches(r) && r.inner("requirement").str("urn") == urn
		})
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
	same := sameField(field)
	if field == "id" {
		same = sameOwnID
	}
	var found []audit
	err := c.each(ctx, "/compliance-assessments/", url.Values{field: {value}}, pageSize, func(r row) {
		if same(r, value) {
			found = append(found, audit{id: r.str("id"), framework: r.inner("framework").str("id")})
		}
	}, "id", "ref_id", "framework")
	if err != nil {
		return nil, err
	}
	c.audits.mu.Lock()
	defer c.audits.mu.Unlock()
	if c.audits.audits == nil || len(c.audits.audits) >= maxNoted {
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
		for _, urn := range nodes[strings.TrimSpace(ref)] {
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
	err := c.each(ctx, "/requirement-nodes/", url.Values{"framework": {framework}}, 10*pageSize, func(r row) {
		if ref := r.str("ref_id"); ref != "" && sameID(r.str("framework"), framework) {
			nodes[strings.TrimSpace(ref)] = append(nodes[strings.TrimSpace(ref)], r.str("urn"))
		}
	}, "ref_id", "urn", "framework")
	if err != nil {
		return nil, err
	}
	c.audits.mu.Lock()
	defer c.audits.mu.Unlock()
	if c.audits.urns == nil {
		c.audits.urns = make(map[string]map[string][]string)
	}
	c.audits.urns[framework] = nodes
	return nodes, nil
}
