package ciso

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Route is a request without what tells objects apart.
type Route struct{ Method, Path string }

// otherRoute is the place in [Routes] of everything that is not listed.
const otherRoute = 0

// Routes returns all that a client asks, in one order. The first stands for
// what is not in the list.
func Routes() []Route {
	list := []Route{{"other", "other"}}
	get := func(paths ...string) {
		for _, p := range paths {
			list = append(list, Route{http.MethodGet, p})
		}
	}
	get("/health/", "/build/", "/schema/", "/iam/current-user/", "/iam/auth-tokens/", "/folders/", "/compliance-assessments/", "/requirement-nodes/")
	for _, resource := range []string{"/applied-controls/", "/requirement-assessments/", "/evidences/"} {
		get(resource, resource+"{id}/object/")
	}
	get("/applied-controls/autocomplete/", "/evidence-revisions/")
	for _, resource := range []string{"/applied-controls/", "/requirement-assessments/"} {
		list = append(list, Route{http.MethodPatch, resource + "{id}/"}, Route{http.MethodPost, resource + "batch-action/"})
	}
	for _, path := range []string{"/evidences/", "/evidence-revisions/", "/iam/login/", "/_allauth/app/v1/auth/login"} {
		list = append(list, Route{http.MethodPost, path})
	}
	return list
}

// Requests is told of each request: its place in [Routes], the status of the
// answer (0: there was none), and how long that took.
type Requests interface {
	Request(route, status int, took time.Duration)
}

// Tracer is told of each request for a job before it is sent, and may add
// headers to it; end is called with the status of the answer, or the error.
type Tracer interface {
	Request(ctx context.Context, route Route, method string, to *url.URL, header http.Header) (end func(status int, err error))
}

// trace tells the tracer of a request. One that is for no job, or for many, is
// not in a trace.
func (c *Client) trace(ctx context.Context, m *message) func(int, error) {
	nobody := func(int, error) {}
	if c.cfg.Tracer == nil || m.job == "" {
		return nobody
	}
	to, err := m.to.address(m.path, m.query)
	if err != nil {
		return nobody // so it cannot be sent either
	}
	m.traced = make(http.Header)
	return c.cfg.Tracer.Request(ctx, Routes()[c.routes.of(m.method, m.path)], m.method, to, m.traced)
}

// routeKey is a route cut in three, so that looking it up makes no new text.
type routeKey struct{ method, before, behind string }

type routeTable map[routeKey]int

func newRouteTable() routeTable {
	t := make(routeTable)
	for i, r := range Routes() {
		before, behind, _ := strings.Cut(r.Path, "{id}")
		t[routeKey{r.Method, before, behind}] = i
	}
	return t
}

// of returns the place of a request's route.
func (t routeTable) of(method, path string) int {
	if i, ok := t[routeKey{method, path, ""}]; ok {
		return i
	}
	if len(path) == 0 {
		return otherRoute
	}
	first := strings.IndexByte(path[1:], '/') + 2 // behind the second slash
	if id := strings.IndexByte(path[first:], '/'); id > 0 {
		return t[routeKey{method, path[:first], path[first+id:]}]
	}
	return otherRoute
}
