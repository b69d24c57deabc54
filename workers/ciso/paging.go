package ciso

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"dispatcher/jobs"
)

// list is the API's envelope of a page (core/pagination.py). Its "next" is not
// read: it is relative, or names whatever host the server believes in.
type list struct {
	Count   int
	Results []row // nil if the answer is no list
}

// pageSize is how many rows one request asks for when there may be many.
const pageSize = 500

// lightList is the end of the path of lists with light rows. Old servers do not
// have them.
const lightList = "/autocomplete/"

// list reads one page, and of its rows the members that want names. An answer without rows is not a list, and must not be
// mistaken for an empty one.
func (c *Client) list(ctx context.Context, path string, parameters url.Values, want ...string) (page list, err error) {
	r := &request{method: http.MethodGet, path: path, query: parameters.Encode(), want: want}
	err = c.call(ctx, r, &page)
	if errors.Is(err, ErrGone) && !strings.HasSuffix(path, lightList) { // a 404 there is no object's
		err = jobs.Holding(jobs.HoldAPIDown, fmt.Errorf("the API has no such list: %w", err))
	}
	if err != nil {
		return page, err
	}
	if page.Results == nil {
		return page, jobs.Holding(jobs.HoldAPIDown, fmt.Errorf("GET %s: the answer is no list; API_URL leads to something else, or a proxy is in between", path))
	}
	return page, nil
}

// each reads a whole list, page by page in a fixed order.
func (c *Client) each(ctx context.Context, path string, parameters url.Values, size int, fn func(row), want ...string) error {
	parameters.Set("ordering", "id")
	for offset := 0; ; {
		setPage(parameters, size, offset)
		page, err := c.list(ctx, path, parameters, want...)
		if err != nil {
			return err
		}
		for _, r := range page.Results {
			fn(r)
		}
		offset += len(page.Results)
		if offset >= page.Count {
			return nil
		}
		if len(page.Results) == 0 {
			return jobs.Transient(http.StatusOK, 0, fmt.Errorf("list %s: an empty page at %d of %d", path, offset, page.Count))
		}
	}
}

func setPage(parameters url.Values, limit, offset int) {
	parameters.Set("limit", strconv.Itoa(limit))
	parameters.Del("offset")
	if offset > 0 {
		parameters.Set("offset", strconv.Itoa(offset))
	}
}
