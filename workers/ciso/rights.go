package ciso

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dispatcher/jobs"
)

// A token that has lost its rights finds nothing: lists answer 200 with no rows.
// So when this many different requests in a row find nothing or are forbidden,
// the user's rights are looked at, at most once in a while.
const (
	rightsMisses = 20
	rightsPause  = 5 * time.Minute
)

// right is a permission of the API, such as change_appliedcontrol.
type right string

// viewing and changing return the rights that a resource needs.
func viewing(resource Resource) right  { return "view_" + model(resource) }
func changing(resource Resource) right { return "change_" + model(resource) }

func model(resource Resource) right {
	return right(strings.ReplaceAll(strings.TrimSuffix(string(resource), "s"), "-", ""))
}

// right returns what a request needs: to add, change or view its resource.
func (r *request) right() right {
	resource, rest, _ := strings.Cut(strings.TrimPrefix(r.path, "/"), "/")
	switch {
	case !r.writes():
		return viewing(Resource(resource))
	case rest == "":
		return "add_" + model(Resource(resource))
	}
	return changing(Resource(resource))
}

// rights watches for a user who has lost them.
type rights struct {
	some atomic.Bool // misses are noted: keeps successes off the lock

	mu      sync.Mutex
	misses  map[string]bool // different requests that failed since the last success
	checked time.Time
	lost    right // found missing, "" if none is
}

// missed notes that a request found nothing or was forbidden, which takes need.
// It returns a hold when the user turns out to have lost that right everywhere.
func (c *Client) missed(ctx context.Context, need right, key string) error {
	if !c.rights.note(key, c.cfg.Clock()) {
		return nil
	}
	return c.checkRight(ctx, need)
}

// note reports whether it is time to look at the rights.
func (r *rights) note(key string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.some.Store(true)
	if r.misses == nil {
		r.misses = make(map[string]bool)
	}
	r.misses[key] = true
	if len(r.misses) < rightsMisses {
		return false
	}
	r.misses = nil
	if !r.checked.IsZero() && now.Sub(r.checked) < rightsPause {
		return false
	}
	r.checked = now
	return true
}

// found notes that something was found or written.
func (r *rights) found() {
	if !r.some.Load() {
		return
	}
	r.mu.Lock()
	r.misses = nil
	r.some.Store(false)
	r.mu.Unlock()
}

// rightsBack looks again after rights were found missing.
func (c *Client) rightsBack(ctx context.Context) error {
	c.rights.mu.Lock()
	lost := c.rights.lost
	c.rights.mu.Unlock()
	if lost == "" {
		return nil
	}
	return c.checkRight(ctx, lost)
}

// checkRight returns a hold if the user has a right in no domain at all. What
// cannot be found out counts as there.
func (c *Client) checkRight(ctx context.Context, need right) error {
	var user struct {
		Email       string              `json:"email"`
		Permissions map[string][]string `json:"domain_permissions"`
	}
	token, err := c.session.token(ctx)
	if err != nil {
		return err
	}
	r := &request{method: http.MethodGet, path: "/iam/current-user/"}
	a, err := c.roundTrip(ctx, r, token)
	if err != nil || a.status != http.StatusOK || decode(a.body, &user) != nil || user.Permissions == nil {
		return nil // no word about the rights: the job's failure stands
	}
	has := false
	for _, names := range user.Permissions {
		has = has || slices.Contains(names, string(need))
	}
	c.rights.mu.Lock()
	defer c.rights.mu.Unlock()
	if has {
		c.rights.lost = ""
		return nil
	}
	c.rights.lost = need
	return jobs.Holding(jobs.HoldAuth, fmt.Errorf("the user %s has the right %s in no domain; give it back, or use another token", user.Email, need))
}
