package ciso

import (
	"fmt"
	"net/url"
	"strings"

	"dispatcher/jobs"
)

// maxTarget bounds path and query: gunicorn answers a request line above 5,120
// bytes with a page that is not the API's.
const maxTarget = 5000

// origin is a base address.
type origin struct {
	text   string
	url    *url.URL // nil: it has more than a host and a plain path
	direct bool     // [direct] can reach it
}

func newOrigin(base string) *origin {
	u, err := url.Parse(base)
	if err != nil || (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String() != base || u.EscapedPath() != u.Path || strings.HasSuffix(u.Host, ":") {
		u = nil
	}
	return &origin{text: base, url: u}
}

// origin returns where a request goes.
func (c *Client) origin(r *request) *origin {
	base := r.base
	if base == "" {
		base = c.baseURL()
	}
	last := c.lastOrigin.Load()
	if last == nil || last.text != base {
		last = newOrigin(base)
		last.direct = c.direct != nil && last.url != nil && c.direct.reaches(last.url)
		c.lastOrigin.Store(last)
	}
	return last
}

// address returns the whole address of what is below an origin.
func (o *origin) address(path, query string) (*url.URL, error) {
	if o.url != nil && !strings.ContainsAny(path, "%?#") {
		at := *o.url
		at.Path += path
		at.RawQuery = query
		return &at, nil
	}
	target := o.text + path
	if query != "" {
		target += "?" + query
	}
	at, err := url.Parse(target)
	if err != nil {
		return nil, &notSentError{fmt.Errorf("build request: %w", err)}
	}
	at.Host = strings.TrimSuffix(at.Host, ":") // as http.NewRequest does
	return at, nil
}

// bounded refuses an address that the API would not read.
func (o *origin) bounded(path, query string) error {
	n := len(o.text) + len(path) + len(query)
	if query != "" {
		n++
	}
	if n > maxTarget {
		return jobs.Fail(jobs.CodeInvalidSelector, "the selector makes a request of %d bytes, the API accepts %d; select by fewer or shorter values", n, maxTarget)
	}
	return nil
}
