package ciso

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
)

func TestRoutesNameNoObject(t *testing.T) {
	t.Parallel()
	table := newRouteTable()
	const id = "6f3d3696-0b23-4836-8ec7-753718935167"
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/build/", "/build/"},
		{"GET", "/applied-controls/autocomplete/", "/applied-controls/autocomplete/"},
		{"GET", "/applied-controls/" + id + "/object/", "/applied-controls/{id}/object/"},
		{"PATCH", "/requirement-assessments/" + id + "/", "/requirement-assessments/{id}/"},
		{"POST", "/applied-controls/batch-action/", "/applied-controls/batch-action/"},
		{"POST", "/_allauth/app/v1/auth/login", "/_allauth/app/v1/auth/login"},
		{"GET", "/applied-controls/priority/", "other"},
		{"DELETE", "/evidences/" + id + "/", "other"},
		{"GET", "", "other"}, {"GET", "/", "other"}, {"GET", "/x", "other"}, {"GET", "/x/", "other"}, {"GET", "/x//", "other"}, {"GET", "//", "other"},
	} {
		if got := Routes()[table.of(c.method, c.path)].Path; got != c.want {
			t.Errorf("%s %s is %s, want %s", c.method, c.path, got, c.want)
		}
	}
}

// heard is a [Requests] that remembers.
type heard struct {
	mu   sync.Mutex
	list map[Route]int // status
}

func (h *heard) Request(route, status int, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list[Routes()[route]] = status
}

func TestEveryRequestIsTold(t *testing.T) {
	t.Parallel()
	s := fakeciso.New(fakeciso.Config{})
	base, err := s.Start("")
	if err != nil {
		t.Fatal(err)
	}
	h := &heard{list: make(map[Route]int)}
	c, err := New(Config{URL: base, Requests: h, Credentials: Credentials{Token: func() string { return "admin-token" }}})
	if err != nil {
		t.Fatal(err)
	}
	id := s.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	if _, err := c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": "foo"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Update(t.Context(), AppliedControls, id, map[string]any{"observation": "x"}); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if _, err := c.Account(context.Background()); err == nil {
		t.Fatal("nobody is there, and it worked")
	}
	for route, status := range map[Route]int{
		{http.MethodGet, "/applied-controls/autocomplete/"}: 200, {http.MethodPatch, "/applied-controls/{id}/"}: 200, {http.MethodGet, "/iam/current-user/"}: 0,
	} {
		if got, told := h.list[route]; !told || got != status {
			t.Errorf("%v: %d, told %v", route, got, told)
		}
	}
}

func TestFindingARouteAllocatesNothing(t *testing.T) {
	table := newRouteTable() // not parallel: allocations are counted
	if n := testing.AllocsPerRun(1000, func() {
		table.of(http.MethodPatch, "/applied-controls/6f3d3696-0b23-4836-8ec7-753718935167/")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
