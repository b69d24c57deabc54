package ciso

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"dispatcher/internal/anyjson"
	"dispatcher/jobs"
)

// Change is what a write would do to a field.
type Change struct {
	Before any `json:"before"`
	After  any `json:"after"`
}

// Foresee tells what [Client.Update] would change, and fails as that would, as
// far as can be told without a write: only the API itself knows all of its
// rules. Fields that have the value already are left out.
func (c *Client) Foresee(ctx context.Context, resource Resource, id string, values map[string]any) (map[string]Change, error) {
	if err := CheckValues(values); err != nil {
		return nil, err
	}
	if body, err := encode(values); err == nil && len(body) > maxJSONBody {
		return nil, describeObject(resource, id, tooLarge(len(body)))
	}
	object, err := c.Object(ctx, resource, id)
	if err != nil {
		return nil, err
	}
	for _, name := range anyjson.Names(values) {
		if err := c.checkChoice(ctx, resource, name, values[name]); err != nil {
			return nil, describeObject(resource, id, err)
		}
	}
	changes, ignored := foresee(object, values)
	return changes, ignoredFailure(resource, id, ignored, values)
}

// foresee compares an object, as it is, with what is sent.
func foresee(object row, values map[string]any) (changes map[string]Change, ignored []string) {
	changes = make(map[string]Change)
	for _, name := range anyjson.Names(values) {
		before, there := object[name]
		switch {
		case !there && !writeOnly(object, name):
			ignored = append(ignored, name)
		case there && (sameValue(before, values[name]) || keepsAsIs(object, name, values[name])):
		case readOnly(object, name):
			ignored = append(ignored, name)
		default:
			changes[name] = Change{Before: before, After: values[name]}
		}
	}
	if done, ok := object["progress_field"]; ok && values["status"] == "active" { // see forced
		delete(changes, "progress_field")
		if !sameNumber(done, "100") {
			changes["progress_field"] = Change{Before: done, After: 100}
		}
	}
	return changes, ignored
}

// readOnly are fields that an object shows and the API never takes.
func readOnly(object row, name string) bool {
	return slices.Contains([]string{"id", "created_at", "updated_at"}, name) || name == "requirement" && isAssessment(object)
}

// choiceFields are the fields whose values the server lists at an address of
// their own.
func choiceFields(resource Resource) []string {
	switch resource {
	case AppliedControls:
		return []string{"status", "priority", "category", "csf_function", "effort", "control_impact"}
	case RequirementAssessments:
		return []string{"status", "result", "extended_result"}
	}
	return nil
}

// checkChoice refuses a value that is none of the server's choices. A server
// that does not list them decides later.
func (c *Client) checkChoice(ctx context.Context, resource Resource, name string, value any) error {
	text := element(value)
	if value == nil || text == "" || !slices.Contains(choiceFields(resource), name) {
		return nil
	}
	words, err := c.words(ctx, "/"+string(resource)+"/"+name+"/")
	if err != nil {
		return err
	}
	if _, known := words[text]; len(words) == 0 || known {
		return nil
	}
	return jobs.Fail(jobs.CodeRejected, "%s: %s is not a valid choice; one of %s", name, shortJSON(value), fmt.Sprint(slices.Sorted(maps.Keys(words)))).
		WithStatus(http.StatusBadRequest)
}

// choiceFresh is how long the server's choices are believed.
const choiceFresh = time.Minute

// choiceCache remembers choices by path.
type choiceCache struct {
	mu    sync.Mutex
	at    time.Time // of the oldest
	words map[string]map[string]string
}

// words returns the choices that the server lists at a path; none if it does
// not.
func (c *Client) words(ctx context.Context, path string) (words map[string]string, err error) {
	cache := &c.choices
	cache.mu.Lock()
	defer cache.mu.Unlock()
	if now := c.cfg.Clock(); cache.words == nil || now.Sub(cache.at) >= choiceFresh {
		cache.words, cache.at = make(map[string]map[string]string), now
	}
	if words, known := cache.words[path]; known {
		return words, nil
	}
	err = c.call(ctx, &request{method: http.MethodGet, path: path}, &words)
	if _, held := IsHold(err); held || ctx.Err() != nil {
		return nil, err
	}
	if err != nil {
		words = nil
	}
	cache.words[path] = words
	return words, nil
}
