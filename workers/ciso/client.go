package ciso

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"dispatcher/jobs"
)

// maxJSONBody is the API's limit of a JSON body (DATA_UPLOAD_MAX_MEMORY_SIZE).
const maxJSONBody = 2_621_440

// maxAnswer bounds what is read of one answer; the OpenAPI document has 5 MB.
const maxAnswer = 64 << 20

// maxTarget bounds path and query: gunicorn answers a request line above 5,120
// bytes with a page that is not the API's.
const maxTarget = 5000

// Config is what a client needs.
type Config struct {
	URL               string // with or without /api
	VerifyCertificate bool
	CAFile            string
	Timeout           time.Duration // of one request, 30s
	UploadTimeout     time.Duration // of one file, 2m
	RateLimit         float64       // requests per second, 0: none
	MaxTargets        int           // of target: multiple, 1000
	Concurrency       int           // connections kept open
	Credentials       Credentials
	Transport         http.RoundTripper // nil: made from the above
	Clock             func() time.Time
	Log               *slog.Logger
	UserAgent         string
}

func (c *Config) setDefaults() {
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.UploadTimeout == 0 {
		c.UploadTimeout = 2 * time.Minute
	}
	if c.MaxTargets == 0 {
		c.MaxTargets = 1000
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.UserAgent == "" {
		c.UserAgent = "ciso-assistant-dispatcher"
	}
}

// Client talks to one CISO Assistant. It is safe for concurrent use.
type Client struct {
	cfg     Config
	http    *http.Client
	limiter *rate.Limiter
	session *session
	known   map[Resource]map[string]filter // selector keys
	prober  prober
	rights  rights
	folders folderCache
	audits  auditCache
	schema  schemaCache

	readBreaker, writeBreaker breaker

	mu             sync.Mutex
	base           string // without a slash at its end; "" until connected
	version        string
	noAutocomplete bool // the server has no light lists
	noAddM2M       bool // its batch-action cannot add links
}

// New returns a client that has not talked to anybody yet.
func New(cfg Config) (*Client, error) {
	cfg.setDefaults()
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("address of CISO Assistant %q: not an address", cfg.URL)
	}
	transport := cfg.Transport
	if transport == nil {
		if transport, err = newTransport(cfg); err != nil {
			return nil, err
		}
	}
	c := &Client{cfg: cfg, http: &http.Client{Transport: transport, CheckRedirect: sameOriginOnly}, known: make(map[Resource]map[string]filter)}
	for _, resource := range []Resource{AppliedControls, RequirementAssessments, Evidences} {
		c.known[resource] = filters(resource)
	}
	if cfg.RateLimit > 0 {
		c.limiter = rate.NewLimiter(rate.Limit(cfg.RateLimit), max(1, int(cfg.RateLimit)))
	}
	c.session = newSession(c, cfg.Credentials)
	return c, nil
}

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

// key tells requests apart that are about different objects.
func (r *request) key() string {
	if r.object != "" {
		return r.object
	}
	return r.path + "?" + r.query
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// isAPI reports whether the API itself spoke: JSON, or the empty 403 and 204
// that some of its views send.
func (a *answer) isAPI() bool {
	if len(a.body) == 0 {
		return a.status == http.StatusForbidden || a.status == http.StatusNoContent
	}
	return a.isJSON()
}

// isJSON trusts the content type, and looks itself only if that says nothing.
func (a *answer) isJSON() bool {
	switch kind := a.header.Get("Content-Type"); {
	case strings.Contains(kind, "json"):
		return true
	case kind == "", strings.HasPrefix(kind, "text/plain"):
		return len(a.body) > 0 && (a.body[0] == '{' || a.body[0] == '[') && json.Valid(a.body)
	}
	return false
}

// isGateway reports whether a JSON refusal is an API gateway's, not the API's:
// gateways say "message", the API says "detail", "error" or names fields.
func (a *answer) isGateway() bool {
	var body struct{ Message, Detail any }
	return bytes.Contains(a.body, []byte(`"message"`)) && decode(a.body, &body) == nil && body.Detail == nil && isText(body.Message)
}

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}

// call sends a request and decodes a JSON answer into out (nil: drop it).
func (c *Client) call(ctx context.Context, r *request, out any) error {
	a, err := c.send(ctx, r)
	if err != nil || out == nil {
		return err
	}
	if err := decodeAnswer(a.body, out, r.want); err != nil {
		return c.suspicious(ctx, r, a, fmt.Errorf("%s %s: the answer is cut or not JSON: %w", r.method, r.path, err))
	}
	return nil
}

// send sends a request, renews the session once if it is refused, and turns
// everything but success into an error.
func (c *Client) send(ctx context.Context, r *request) (*answer, error) {
	if err := c.ensureBase(ctx); err != nil {
		return nil, err
	}
	if c.limiter != nil {
		if err := c.limiter.Wait(ctx); err != nil {
			return nil, err
		}
	}
	token := ""
	if !r.plain {
		var err error
		if token, err = c.session.token(ctx); err != nil {
			return nil, err
		}
	}
	a, err := c.roundTrip(ctx, r, token)
	if err == nil && a.status == http.StatusUnauthorized && !r.plain && a.isAPI() {
		if err := c.session.refused(ctx, token, a); err != nil {
			return nil, err
		}
		if token, err = c.session.token(ctx); err != nil {
			return nil, err
		}
		a, err = c.roundTrip(ctx, r, token)
	}
	if err != nil {
		return nil, c.noAnswer(ctx, r, err)
	}
	return a, c.judge(ctx, r, a)
}

// roundTrip sends one HTTP request and reads the whole answer.
func (c *Client) roundTrip(ctx context.Context, r *request, token string) (*answer, error) {
	timeout := r.timeout
	if timeout == 0 {
		timeout = c.cfg.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := c.build(ctx, r, token)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := readAll(resp)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// readAll reads an answer to its end, so that its connection can be used again.
func readAll(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > maxAnswer {
		return nil, fmt.Errorf("%d bytes are more than the %d that are read", resp.ContentLength, maxAnswer)
	}
	if n := resp.ContentLength; n >= 0 {
		body := make([]byte, n)
		_, err := io.ReadFull(resp.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("more than the %d bytes that are read", maxAnswer)
	}
	return body, err
}

func (c *Client) build(ctx context.Context, r *request, token string) (*http.Request, error) {
	base := r.base
	if base == "" {
		base = c.baseURL()
	}
	target := base + r.path
	if r.query != "" {
		target += "?" + r.query
	}
	if len(target) > maxTarget {
		return nil, jobs.Fail(jobs.CodeInvalidSelector, "the selector makes a request of %d bytes, the API accepts %d; select by fewer or shorter values", len(target), maxTarget)
	}
	body, length, kind, err := r.open()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, &notSentError{fmt.Errorf("build request: %w", err)}
	}
	if body != nil {
		req.ContentLength = length // never chunked: the API reads that as empty
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if token != "" {
		req.Header.Set("Authorization", "Token "+token)
	}
	if id := jobID(ctx); id != "" {
		req.Header.Set("X-Correlation-Id", id)
	}
	return req, nil
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
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (c *Client) baseURL() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base
}

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
