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
)

// maxJSONBody is the API's limit of a JSON body (DATA_UPLOAD_MAX_MEMORY_SIZE).
const maxJSONBody = 2_621_440

// maxAnswer bounds what is read of one answer.
const maxAnswer = 256 << 20

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
	prober  prober
	breaker breaker
	folders folderCache
	audits  auditCache
	schema  schemaCache

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
	c := &Client{cfg: cfg, http: &http.Client{Transport: transport, CheckRedirect: sameOriginOnly}}
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
	object  string // "resource/id" that a write concerns
	timeout time.Duration
	plain   bool // without a token, and without a second try after 401
	base    string
}

func (r *request) writes() bool { return r.method != http.MethodGet }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// isAPI reports whether the API itself spoke: JSON, or the empty 403 and 204
// that some of its views send.
func (a *answer) isAPI() bool {
	kind := a.header.Get("Content-Type")
	if strings.Contains(kind, "json") {
		return true
	}
	return len(a.body) == 0 && (a.status == http.StatusForbidden || a.status == http.StatusNoContent)
}

// call sends a request and decodes a JSON answer into out (nil: drop it).
func (c *Client) call(ctx context.Context, r *request, out any) error {
	a, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	if out == nil || len(a.body) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	if err := d.Decode(out); err != nil {
		return c.suspicious(ctx, r, a, fmt.Errorf("%s %s: the answer is cut or not JSON: %w", r.method, r.path, err))
	}
	return nil
}

// send sends a request, renews the session once if it is refused, and turns
// everything but success into an error.
func (c *Client) send(ctx context.Context, r *request) (*answer, error) {
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
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
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
	body, length, kind, err := r.open()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
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
		return body, r.file.length(), r.file.contentType(), err
	case r.body != nil:
		data, err := json.Marshal(r.body)
		if err != nil {
			return nil, 0, "", fmt.Errorf("encode request: %w", err)
		}
		if len(data) > maxJSONBody {
			return nil, 0, "", tooLarge(len(data))
		}
		return bytes.NewReader(data), int64(len(data)), "application/json", nil
	}
	return nil, 0, "", nil
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
