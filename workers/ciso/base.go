package ciso

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"dispatcher/jobs"
)

// Connect finds the API below the configured address, and its version. It
// returns nil or a [jobs.HoldError]; it may be called again and again.
func (c *Client) Connect(ctx context.Context) error {
	if err := c.ensureBase(ctx); err != nil {
		return err
	}
	var build struct {
		Version string `json:"version"`
	}
	if err := c.call(ctx, &request{method: http.MethodGet, path: "/build/"}, &build); err != nil {
		return asHold(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version = build.Version
	c.noAddM2M = older(build.Version, 3, 15, 6)
	c.noAutocomplete = older(build.Version, 3, 15, 0)
	return nil
}

// Version returns what the server said its version is, "" before Connect.
func (c *Client) Version() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version
}

// Base returns the address of the API, "" before Connect.
func (c *Client) Base() string { return c.baseURL() }

// ensureBase finds the base if it is not known yet.
func (c *Client) ensureBase(ctx context.Context) error {
	if c.baseURL() != "" {
		return nil
	}
	base, err := c.findBase(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = base
	return nil
}

// findBase tries the address itself, then /api below it: in every shipped
// deployment the host's root is the web front end.
func (c *Client) findBase(ctx context.Context) (string, error) {
	root := strings.TrimRight(c.cfg.URL, "/")
	var last error
	for _, base := range []string{root, root + "/api"} {
		r := &request{method: http.MethodGet, path: "/health/", plain: true, base: base}
		a, err := c.roundTrip(ctx, r, "")
		if err != nil {
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			return "", jobs.Holding(jobs.HoldAPIDown, hint(fmt.Errorf("CISO Assistant at %s does not answer: %w", base, withoutURL(err))))
		}
		var health struct {
			Status string `json:"status"`
		}
		if a.status == http.StatusOK && json.Unmarshal(a.body, &health) == nil && health.Status == "ok" {
			return base, nil
		}
		last = c.notTheAPI(r, a)
	}
	return "", jobs.Holding(jobs.HoldAPIDown, fmt.Errorf("no CISO Assistant API at %s nor below /api: %w", root, last))
}

// asHold makes everything that keeps the client from connecting a hold.
func asHold(err error) error {
	if _, ok := IsHold(err); ok {
		return err
	}
	return jobs.Holding(jobs.HoldAPIDown, err)
}

// older reports whether a version such as v3.14.0 or v3.20.8-21-gf990 is known
// to be before major.minor.patch.
func older(version string, major, minor, patch int) bool {
	var v [3]int
	n, _ := fmt.Sscanf(version, "v%d.%d.%d", &v[0], &v[1], &v[2])
	if n < 2 {
		return false // "unset": assume the newest, and notice what is missing
	}
	want := [3]int{major, minor, patch}
	for i := range v {
		if v[i] != want[i] {
			return v[i] < want[i]
		}
	}
	return false
}
