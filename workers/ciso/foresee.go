package ciso

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

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
	for _, name := range slices.Sorted(maps.Keys(values)) {
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
	for _, name := range slices.Sorted(maps.Keys(values)) {
		before, there := object[name]
		switch {
		case !there && !writeOnly(object, name):
			ignored = append(ignored, name)
		case there && (sameValue(before, values[name]) || keepsAsIs(object, name, values[name])):
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
	var words map[string]string
	err := c.call(ctx, &request{method: http.MethodGet, path: "/" + string(resource) + "/" + name + "/"}, &words)
	if _, held := IsHold(err); held || ctx.Err() != nil {
		return err
	}
	if _, known := words[text]; err != nil || len(words) == 0 || known {
		return nil
	}
	return jobs.Fail(jobs.CodeRejected, "%s: %s is not a valid choice; one of %s", name, shortJSON(value), fmt.Sprint(slices.Sorted(maps.Keys(words)))).
		WithStatus(http.StatusBadRequest)
}
