package ciso

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"dispatcher/jobs"
)

// Match is an object that a selector matched.
type Match struct {
	ID       string `json:"id"`
	Name     string `json:"name,omitempty"`
	FolderID string `json:"folder,omitempty"`
}

// Resolve returns the objects that a selector means: exactly one, or with
// target multiple one or more, up to MaxTargets. Each has been seen to match.
func (c *Client) Resolve(ctx context.Context, resource Resource, s Selector) ([]Match, error) {
	q, err := s.parse(resource, c.known[resource])
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
	if total == 0 {
		if hold := c.missed(ctx, viewing(resource), string(resource)+"?"+q.describe()); hold != nil {
			return nil, hold
		}
	} else {
		c.rights.found()
	}
	return c.choose(q, rows, total)
}

// resolveError words what the API does not accept of a selector.
func resolveError(q *query, err error) error {
	var failure *jobs.Failure
	if !errors.As(err, &failure) || failure.Code != jobs.CodeRejected {
		return err
	}
	if strings.Contains(failure.Message, "folder: Select a valid choice") {
		return jobs.Fail(jobs.CodeNoMatch, "no folder %s; it does not exist, or the dispatcher's user may not see it", strings.Join(q.has("folder").values, " or "))
	}
	named := *failure
	named.Message = fmt.Sprintf("the API does not accept the selector %s: %s", q.describe(), failure.Message)
	return &named
}

// rows returns the rows that match, and how many the server counts.
func (c *Client) rows(ctx context.Context, q *query) (rows []row, total int, err error) {
	if q.has("requirement__ref_id") != nil || q.has("compliance_assessment__ref_id") != nil {
		return c.requirementRows(ctx, q)
	}
	return c.matching(ctx, q, q.parameters(), q.matches)
}

// matching lists what the parameters filter and keeps the rows that match. When
// the server turns out to ignore a filter everything is paged and looked at.
// total is more than the rows if reading on could not change the outcome.
func (c *Client) matching(ctx context.Context, q *query, parameters url.Values, matches func(row) bool) (rows []row, total int, err error) {
	limit, enough := 2, 1 // two rows tell one from many
	if q.multiple {
		limit, enough = pageSize, c.cfg.MaxTargets
		parameters.Set("ordering", "id") // pages must not overlap
	}
	kept := keeper{matches: matches}
	for offset, counted := 0, -1; ; {
		page, err := c.page(ctx, q, parameters, limit, offset)
		if err != nil {
			return nil, 0, err
		}
		kept.take(page.Results)
		offset += len(page.Results)
		switch {
		case kept.strangers && limit < pageSize: // look at everything, in large pages
			limit, offset, counted = pageSize, 0, -1
			kept = keeper{matches: matches, strangers: true}
			parameters.Set("ordering", "id")
			continue
		case counted >= 0 && page.Count != counted, len(page.Results) == 0 && offset < page.Count:
			return nil, 0, jobs.Transient(http.StatusOK, 0, fmt.Errorf("%s changed while they were listed: %d of %d", q.resource, offset, page.Count))
		case page.Count > enough && !kept.strangers && !kept.twice:
			return kept.rows, page.Count, nil
		case offset >= page.Count, len(kept.rows) > enough:
			return kept.rows, len(kept.rows), nil
		}
		counted = page.Count
	}
}

// keeper keeps the rows that match, each once: a filter over a relation may
// list an object several times.
type keeper struct {
	matches   func(row) bool
	rows      []row
	ids       map[string]bool
	strangers bool // a row did not match: the server ignores a filter
	twice     bool
}

func (k *keeper) take(rows []row) {
	if k.ids == nil {
		k.ids = make(map[string]bool, len(rows))
	}
	for _, r := range rows {
		switch id := r.str("id"); {
		case id == "" || !k.matches(r):
			k.strangers = true
		case k.ids[id]:
			k.twice = true
		default:
			k.ids[id] = true
			k.rows = append(k.rows, r)
		}
	}
}

// page reads one page of a list: the light one where the server has it and it
// shows enough, because a full row costs the server much more.
func (c *Client) page(ctx context.Context, q *query, parameters url.Values, limit, offset int) (list, error) {
	setPage(parameters, limit, offset)
	path := "/" + string(q.resource)
	if q.light() && c.hasAutocomplete() {
		page, err := c.list(ctx, path+lightList, parameters, q.want...)
		if !errors.Is(err, ErrGone) {
			return page, err
		}
		c.forgetAutocomplete()
	}
	return c.list(ctx, path+"/", parameters, q.want...)
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
	matches := make([]Match, len(rows))
	for i, r := range rows {
		matches[i] = Match{ID: r.str("id"), Name: r.str("name"), FolderID: r.inner("folder").str("id")}
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
		list = append(list, fmt.Sprintf("%q (%s)", cutText(r.str("name"), 40), r.str("id")))
	}
	return strings.Join(list, ", ") + map[bool]string{true: ", …"}[len(rows) > 3]
}

// describe renders the conditions for people.
func (q *query) describe() string {
	var parts []string
	for _, c := range q.conditions {
		parts = append(parts, fmt.Sprintf("%s=%s", c.name, cutText(oneLine(strings.Join(c.values, "|")), 80)))
	}
	return strings.Join(parts, ", ")
}
