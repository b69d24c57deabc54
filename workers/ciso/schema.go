package ciso

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"dispatcher/jobs"
)

// schemaTimeout bounds the making of the OpenAPI document: it takes the server
// seconds, so it is asked once.
const schemaTimeout = time.Minute

// schemaCache holds the filter names of the connected server by path.
type schemaCache struct {
	mu      sync.Mutex
	filters map[string][]string
}

// checkHidden refuses selector keys whose effect no row shows, unless the
// server's own OpenAPI document lists them: an unknown filter is ignored, and
// would select everything.
func (c *Client) checkHidden(ctx context.Context, q *query) error {
	for _, cond := range q.conditions {
		if cond.filter.sees != nil {
			continue
		}
		known, err := c.serverFilters(ctx, q.resource)
		if unreadable(err) {
			return jobs.Fail(jobs.CodeInvalidSelector, "the effect of the filter %q shows in no row, and whether this server (%s) knows it cannot be told, because its OpenAPI document is not readable (%s); select by another field, or let the dispatcher read /api/schema/", cond.name, c.Version(), oneLine(err.Error()))
		}
		if err != nil {
			return err
		}
		if !slices.Contains(known, cond.name) {
			return jobs.Fail(jobs.CodeInvalidSelector, "this server (%s) does not filter %s by %q, and its effect could not be checked; select by another field", c.Version(), q.resource, cond.name)
		}
	}
	return nil
}

// unreadable reports whether the document is kept from us, as some operators
// do, though the API is there: that concerns only those who need it.
func unreadable(err error) bool {
	var failure *jobs.Failure
	reason, held := IsHold(err)
	return errors.Is(err, ErrGone) || errors.As(err, &failure) || held && reason == jobs.HoldAPIDown && errors.Is(err, errStranger)
}

func (c *Client) serverFilters(ctx context.Context, resource Resource) ([]string, error) {
	c.schema.mu.Lock()
	defer c.schema.mu.Unlock()
	if c.schema.filters == nil {
		filters, err := c.readSchema(ctx)
		if err != nil {
			return nil, err
		}
		c.schema.filters = filters
	}
	return c.schema.filters["/api/"+string(resource)+"/"], nil
}

// readSchema reads the query parameters of every list in /api/schema/.
func (c *Client) readSchema(ctx context.Context) (map[string][]string, error) {
	var doc struct {
		Paths map[string]struct {
			Get struct {
				Parameters []struct {
					In   string `json:"in"`
					Name string `json:"name"`
				} `json:"parameters"`
			} `json:"get"`
		} `json:"paths"`
	}
	a, err := c.send(ctx, &request{method: http.MethodGet, path: "/schema/", query: "format=json", timeout: schemaTimeout})
	if err != nil {
		return nil, fmt.Errorf("read the server's OpenAPI document: %w", err)
	}
	if err := decode(a.body, &doc); err != nil {
		return nil, jobs.Transient(a.status, 0, fmt.Errorf("read the server's OpenAPI document: %w", err))
	}
	filters := make(map[string][]string)
	for path, item := range doc.Paths {
		for _, p := range item.Get.Parameters {
			if p.In == "query" {
				filters[path] = append(filters[path], p.Name)
			}
		}
	}
	return filters, nil
}
