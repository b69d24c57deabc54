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

// auditFresh is how long an audit's ids are believed, and for how long a
// framework's nodes are not read again. An outcome that may be due to what is
// remembered has both looked up again at once.
const auditFresh = time.Minute

// audit is a compliance assessment.
type audit struct{ id, framework string }

// auditCache remembers audits by ref_id or id, and nodes by framework.
type auditCache struct {
	mu     sync.Mutex
	audits map[string]cachedAudits
	nodes  map[string]cachedNodes
}

type cachedAudits struct {
	list []audit
	at   time.Time
}

type cachedNodes struct {
	urns map[string][]string // by ref_id
	at   time.Time
}

// scope is where a selector of requirement assessments has to look.
type scope struct {
	audits []audit
	known  bool     // the selector names audits
	urns   []string // of the requirement that it names, none if they are not known
}

// requirementRows resolves selectors that name a requirement or an audit by
// ref_id. What is remembered may have changed: if the outcome hints at that, it
// looks again.
func (c *Client) requirementRows(ctx context.Context, q *query) ([]row, int, error) {
	remembered, err := c.scopeOf(ctx, q, false)
	if err != nil {
		return nil, 0, err
	}
	rows, total, err := c.rowsWithin(ctx, q, remembered, q.matches)
	var failure *jobs.Failure
	if !remembered.known || err == nil && total > 0 && remembered.holds(rows) || err != nil && !errors.As(err, &failure) {
		return rows, total, err
	}
	fresh, freshErr := c.scopeOf(ctx, q, true)
	if freshErr != nil {
		return nil, 0, freshErr
	}
	if total == 0 && slices.Equal(remembered.audits, fresh.audits) && slices.Equal(remembered.urns, fresh.urns) {
		return rows, total, err
	}
	return c.rowsWithin(ctx, q, fresh, func(r row) bool { return q.matches(r) && fresh.has(r) })
}

// has reports whether a row belongs to one of the audits.
func (s *scope) has(r row) bool {
	id := r.inner("compliance_assessment").str("id")
	return slices.ContainsFunc(s.audits, func(a audit) bool { return a.id == id })
}

func (s *scope) holds(rows []row) bool {
	return !slices.ContainsFunc(rows, func(r row) bool { return !s.has(r) })
}

// rowsWithin lists the rows, for each urn that the requirement has. Without one
// (no audit named, or a node that is not known) only looking at all rows tells.
func (c *Client) rowsWithin(ctx context.Context, q *query, s scope, matches func(row) bool) ([]row, int, error) {
	parameters := q.parameters()
	if len(s.urns) == 0 {
		return c.matching(ctx, q, parameters, matches)
	}
	var rows []row
	total := 0
	for _, urn := range s.urns {
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

// scopeOf looks up the audits and urns of a selector, in memory unless fresh.
func (c *Client) scopeOf(ctx context.Context, q *query, fresh bool) (s scope, err error) {
	if s.audits, s.known, err = c.auditsOf(ctx, q, fresh); err != nil {
		return s, err
	}
	if ref := q.has("requirement__ref_id"); ref != nil && q.has("requirement__urn") == nil {
		s.urns, err = c.urnsOf(ctx, s.audits, ref.values[0], fresh)
	}
	return s, err
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
func (c *Client) urnsOf(ctx context.Context, audits []audit, ref string, fresh bool) (urns []string, err error) {
	for _, a := range audits {
		nodes, err := c.nodes(ctx, a.framework, fresh)
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
func (c *Client) nodes(ctx context.Context, framework string, fresh bool) (map[string][]string, error) {
	if framework == "" {
		return nil, nil
	}
	c.audits.mu.Lock()
	cached, ok := c.audits.nodes[framework]
	c.audits.mu.Unlock()
	now := c.cfg.Clock()
	if ok && (!fresh || now.Sub(cached.at) < auditFresh) {
		return cached.urns, nil
	}
	urns := make(map[string][]string)
	err := c.each(ctx, "/requirement-nodes/", url.Values{"framework": {framework}}, 10*pageSize, func(r row) {
		if ref := strings.TrimSpace(r.str("ref_id")); ref != "" && sameID(r.str("framework"), framework) {
			urns[ref] = append(urns[ref], r.str("urn"))
		}
	}, "ref_id", "urn", "framework")
	if err != nil {
		return nil, err
	}
	c.audits.mu.Lock()
	defer c.audits.mu.Unlock()
	if c.audits.nodes == nil {
		c.audits.nodes = make(map[string]cachedNodes)
	}
	c.audits.nodes[framework] = cachedNodes{urns: urns, at: now}
	return urns, nil
}
