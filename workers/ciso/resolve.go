package ciso

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dispatcher/jobs"
)

// Match is an object that a selector matched.
type Match struct {
	ID       string `json:"id"`
	Name     string `json:"name,omitempty"`
	FolderID string `json:"folder,omitempty"`
}

// list is the API's envelope of a page (core/pagination.py). next is not read:
// it is relative or names whatever host the server believes in.
type list struct {
	Count   int   `json:"count"`
	Results []row `json:"results"`
}

// pageSize is how many rows one request asks for when there may be many.
const pageSize = 500

// Resolve returns the objects that a selector means: exactly one, or with
// target multiple one or more, up to MaxTargets. Each has been seen to match.
func (c *Client) Resolve(ctx context.Context, resource Resource, s Selector) ([]Match, error) {
	q, err := s.parse(resource)
	if err != nil {
		return nil, err
	}
	if err := c.checkHidden(ctx, q); err != nil {
		return nil, err
	}
	if err := c.nameFolders(ctx, q); err != nil {
		return nil, err
	}
	rows, total, err := c.rows(ctx, q)
	if err != nil {
		return nil, resolveError(q, err)
	}
	return c.choose(q, rows, total)
}

// resolveError words what the API says to a list: a 404 there is no object's.
func resolveError(q *query, err error) error {
	if errors.Is(err, ErrGone) {
		return jobs.Holding(jobs.HoldAPIDown, fmt.Errorf("no list of %s at the API: %w", q.resource, err))
	}
	return err
}

// rows returns the rows that match, and how many the server counts.
func (c *Client) rows(ctx context.Context, q *query) (rows []row, total int, err error) {
	if q.has("requirement__ref_id") != nil || q.has("compliance_assessment__ref_id") != nil {
		return c.requirementRows(ctx, q)
	}
	return c.matching(ctx, q, q.parameters())
}

// matching lists what the parameters filter and keeps the rows that match. When
// the server turns out to ignore a filter everything is paged and looked at.
func (c *Client) matching(ctx context.Context, q *query, parameters url.Values) (rows []row, total int, err error) {
	limit := 2 // enough to tell one from many
	if q.multiple {
		limit = min(c.cfg.MaxTargets+1, pageSize)
		parameters.Set("ordering", "id") // pages must not overlap
	}
	for offset := 0; ; {
		page, err := c.page(ctx, q, parameters, limit, offset)
		if err != nil {
			return nil, 0, err
		}
		total = page.Count
		ignored := false
		for _, r := range page.Results {
			ok, _ := q.matches(r)
			ignored = ignored || !ok
			if ok {
				rows = append(rows, r)
			}
		}
		offset += len(page.Results)
		switch {
		case ignored && limit < pageSize: // look at everything, in large pages
			limit, offset, rows = pageSize, 0, nil
			parameters.Set("ordering", "id")
		case len(page.Results) == 0, offset >= total:
			return rows, len(rows), nil
		case !ignored && !q.multiple && limit == 2, !ignored && q.multiple && total > c.cfg.MaxTargets:
			return rows, total, nil
		}
	}
}

// page reads one page of a list: the light one where the server has it and it
// shows enough, because a full row costs the server much more.
func (c *Client) page(ctx context.Context, q *query, parameters url.Values, limit, offset int) (list, error) {
	parameters.Set("limit", strconv.Itoa(limit))
	parameters.Del("offset")
	if offset > 0 {
		parameters.Set("offset", strconv.Itoa(offset))
	}
	path := "/" + string(q.resource) + "/"
	if q.light() && c.hasAutocomplete() {
		var page list
		err := c.call(ctx, &request{method: http.MethodGet, path: path + "autocomplete/", query: parameters.Encode()}, &page)
		if !errors.Is(err, ErrGone) {
			return page, err
		}
		c.forgetAutocomplete()
	}
	var page list
	err := c.call(ctx, &request{method: http.MethodGet, path: path, query: parameters.Encode()}, &page)
	return page, err
}

func (c *Client) hasAutocomplete() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.noAutocomplete
}

func (c *Client) forgetAutocomplete() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noAutocomplete = true
}

// choose applies the target to what matched.
func (c *Client) choose(q *query, rows []row, total int) ([]Match, error) {
	switch {
	case total == 0:
		return nil, jobs.Fail(jobs.CodeNoMatch, "no %s matches %s; it does not exist, or the dispatcher's user may not see it", singular(q.resource), q.describe())
	case q.multiple && total > c.cfg.MaxTargets:
		return nil, jobs.Fail(jobs.CodeTooManyMatches, "%d %s match %s, more than MAX_TARGETS (%d); narrow the selector or raise it", total, q.resource, q.describe(), c.cfg.MaxTargets)
	case !q.multiple && total > 1:
		return nil, jobs.Fail(jobs.CodeManyMatches, "%d %s match %s where one is wanted: %s; narrow the selector, or say \"target\": \"multiple\"", total, q.resource, q.describe(), names(rows))
	}
	var matches []Match
	for _, r := range rows {
		m := Match{ID: r.str("id"), Name: r.str("name"), FolderID: r.inner("folder").str("id")}
		if m.ID == "" {
			return nil, jobs.Transient(0, 0, fmt.Errorf("a row of %s without an id", q.resource))
		}
		if !slices.ContainsFunc(matches, func(known Match) bool { return known.ID == m.ID }) {
			matches = append(matches, m)
		}
	}
	if len(matches) != total {
		return nil, jobs.Transient(0, 0, fmt.Errorf("%s changed while they were listed: %d of %d", q.resource, len(matches), total))
	}
	return matches, nil
}

func singular(r Resource) string {
	switch r {
	case AppliedControls:
		return "applied control"
	case RequirementAssessments:
		return "requirement assessment"
	}
	return "evidence"
}

func names(rows []row) string {
	var list []string
	for _, r := range rows[:min(len(rows), 3)] {
		list = append(list, fmt.Sprintf("%q", cutText(r.str("name"), 40)))
	}
	return strings.Join(list, ", ") + map[bool]string{true: ", …"}[len(rows) > 3]
}

// describe renders the conditions for people.
func (q *query) describe() string {
	var parts []string
	for _, c := range q.conditions {
		parts = append(parts, fmt.Sprintf("%s=%s", c.name, cutText(strings.Join(c.values, "|"), 80)))
	}
	return strings.Join(parts, ", ")
}
