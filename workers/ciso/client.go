package ciso

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Config is what a client needs.
type Config struct {
	URL               string // with or without /api
	VerifyCertificate bool
	CAFile            string
	Timeout           time.Duration // of one request, 30s
	UploadTimeout     time.Duration // of one file, 2m
	RateLimit         float64       // requests per second, 0: none
	MaxTargets        int           // of target: multiple, 1000
	Concurrency       int           // connections kept open; no more requests are ever in flight
	Credentials       Credentials
	Transport         http.RoundTripper // nil: made from the above
	Clock             func() time.Time
	Log               *slog.Logger
	UserAgent         string
	Guarded           bool     // requests may have a permit, see [WithPermit]
	Requests          Requests // nil: nobody wants to know
	Tracer            Tracer   // of requests for jobs; nil: none
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

// InFlight returns how many requests may be in flight at present, as the server's
// answers show what it bears, and how many are.
func (c *Client) InFlight() (limit, used int) { return c.inflight.now() }

// Client talks to one CISO Assistant. It is safe for concurrent use.
type Client struct {
	cfg        Config
	http       *http.Client
	direct     *direct // nil: the transport is not ours
	lastOrigin atomic.Pointer[origin]
	authorized atomic.Pointer[authorized]
	limiter    *rate.Limiter
	inflight   *inflight
	session    *session
	known      map[Resource]map[string]filter // selector keys
	prober     prober
	rights     rights
	folders    folderCache
	audits     auditCache
	schema     schemaCache
	choices    choiceCache
	routes     routeTable

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
	c := &Client{cfg: cfg, http: &http.Client{Transport: cfg.Transport, CheckRedirect: sameOriginOnly}, known: make(map[Resource]map[string]filter), routes: newRouteTable(), inflight: newInflight(cfg.Concurrency, cfg.Clock)}
	if cfg.Transport == nil {
		standard, err := newTransport(cfg)
		if err != nil {
			return nil, err
		}
		c.http.Transport, c.direct = standard, newDirect(standard, standard.MaxIdleConnsPerHost, cfg.Clock)
	}
	for _, resource := range []Resource{AppliedControls, RequirementAssessments, Evidences} {
		c.known[resource] = filters(resource)
	}
	c.limiter = rate.NewLimiter(rate.Inf, 1)
	if cfg.RateLimit > 0 {
		c.SetRate(cfg.RateLimit)
	}
	c.session = newSession(c, cfg.Credentials)
	return c, nil
}

// SetRate limits requests per second from now on. The limit of the settings is never exceeded.
func (c *Client) SetRate(perSecond float64) {
	if most := c.cfg.RateLimit; most > 0 {
		perSecond = min(perSecond, most)
	}
	c.limiter.SetLimit(rate.Limit(perSecond))
	c.limiter.SetBurst(max(1, int(perSecond)))
}

func (c *Client) baseURL() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base
}
