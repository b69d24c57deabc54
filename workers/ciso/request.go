package ciso

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dispatcher/internal/anyjson"
	"dispatcher/jobs"
)

// maxJSONBody is the API's limit of a JSON body (DATA_UPLOAD_MAX_MEMORY_SIZE).
const maxJSONBody = 2_621_440

// maxTarget bounds path and query: gunicorn answers a request line above 5,120
// bytes with a page that is not the API's.
const maxTarget = 5000

// request is one HTTP request in the making.
type request struct {
	method  string
	path    string // below the base, with its slash at the end
	query   string
	body    any // JSON; nil: none
	file    *multipartBody
	object  string   // "resource/id" that a write concerns
	want    []string // members of rows to decode; nil: all
	timeout time.Duration
	plain   bool // without a token, and without a second try after 401
	base    string
}

func (r *request) writes() bool { return r.method != http.MethodGet }

// probes reports whether r asks only whether somebody is there: such a request
// must not wait behind those that hang.
func (r *request) probes() bool { return r.plain || r.path == "/build/" }

// key tells requests apart that are about different objects.
func (r *request) key() string {
	if r.object != "" {
		return r.object
	}
	return r.path + "?" + r.query
}

func (c *Client) build(ctx context.Context, r *request, token string) (*http.Request, error) {
	at, err := c.address(r)
	if err != nil {
		return nil, err
	}
	body, length, kind, err := r.open()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, r.method, "", body)
	if err != nil {
		return nil, &notSentError{fmt.Errorf("build request: %w", err)}
	}
	req.URL, req.Host = at, at.Host
	req.Header = http.Header{"Accept": acceptJSON, "Accept-Language": english, "User-Agent": c.agent}
	if body != nil {
		req.ContentLength = length // never chunked: the API reads that as empty
		req.Header["Content-Type"] = []string{kind}
	}
	if token != "" {
		req.Header["Authorization"] = c.authorization(token)
	}
	if id := jobID(ctx); id != "" {
		req.Header["X-Correlation-Id"] = []string{id}
	}
	return req, nil
}

// authorized is the header that a token makes.
type authorized struct {
	token  string
	header []string
}

func (c *Client) authorization(token string) []string {
	last := c.authorized.Load()
	if last == nil || last.token != token {
		last = &authorized{token: token, header: []string{"Token " + token}}
		c.authorized.Store(last)
	}
	return last.header
}

// What all requests say; nobody may change it.
var (
	acceptJSON = []string{"application/json"}
	english    = []string{"en"}
)

// origin is a base address.
type origin struct {
	text string
	url  *url.URL // nil: it has more than a host and a plain path
}

func newOrigin(base string) *origin {
	u, err := url.Parse(base)
	if err != nil || (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String() != base || u.EscapedPath() != u.Path || strings.HasSuffix(u.Host, ":") {
		u = nil
	}
	return &origin{text: base, url: u}
}

// address returns where a request goes.
func (c *Client) address(r *request) (*url.URL, error) {
	base := r.base
	if base == "" {
		base = c.baseURL()
	}
	n := len(base) + len(r.path) + len(r.query)
	if r.query != "" {
		n++
	}
	if n > maxTarget {
		return nil, jobs.Fail(jobs.CodeInvalidSelector, "the selector makes a request of %d bytes, the API accepts %d; select by fewer or shorter values", n, maxTarget)
	}
	from := c.origin.Load()
	if from == nil || from.text != base {
		from = newOrigin(base)
		c.origin.Store(from)
	}
	if from.url != nil && !strings.ContainsAny(r.path, "%?#") {
		at := *from.url
		at.Path += r.path
		at.RawQuery = r.query
		return &at, nil
	}
	target := base + r.path
	if r.query != "" {
		target += "?" + r.query
	}
	at, err := url.Parse(target)
	if err != nil {
		return nil, &notSentError{fmt.Errorf("build request: %w", err)}
	}
	at.Host = strings.TrimSuffix(at.Host, ":") // as http.NewRequest does
	return at, nil
}

// open returns the body, its length and its content type.
func (r *request) open() (io.Reader, int64, string, error) {
	switch {
	case r.file != nil:
		body, err := r.file.open()
		if err != nil {
			return nil, 0, "", &notSentError{err}
		}
		return body, r.file.length(), r.file.contentType(), nil
	case r.body != nil:
		data, err := encode(r.body)
		if err != nil {
			return nil, 0, "", &notSentError{fmt.Errorf("encode request: %w", err)}
		}
		if len(data) > maxJSONBody {
			return nil, 0, "", tooLarge(len(data))
		}
		return bytes.NewReader(data), int64(len(data)), "application/json", nil
	}
	return nil, 0, "", nil
}

// encode writes JSON without the escapes that make HTML-like text longer.
func encode(v any) ([]byte, error) { return anyjson.Append(nil, v) }

// jobKey is the context key of the job id.
type jobKey struct{}

// maxCorrelation keeps the id within what the audit log stores.
const maxCorrelation = 250

// WithJob returns a context whose requests carry the job's id, so that the
// API's audit log names it (core/custom_middleware.py).
func WithJob(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, jobKey{}, id[:min(len(id), maxCorrelation)])
}

func jobID(ctx context.Context) string {
	id, _ := ctx.Value(jobKey{}).(string)
	return id
}
