package ciso

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"dispatcher/jobs"
)

// Update writes fields of one object with one PATCH, and checks the answer: the
// API takes unknown fields for nothing and says 200. The failure ignored_fields
// names what was not taken; the other fields are applied then.
func (c *Client) Update(ctx context.Context, resource Resource, id string, values map[string]any) error {
	if err := checkValues(values); err != nil {
		return err
	}
	var written row
	r := &request{method: http.MethodPatch, path: objectPath(resource, id), body: values, object: string(resource) + "/" + id}
	if err := c.call(ctx, r, &written); err != nil {
		return describeObject(resource, id, err)
	}
	ignored := differences(written, values)
	if len(ignored) == 0 {
		return nil
	}
	var applied []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(ignored, name) {
			applied = append(applied, name)
		}
	}
	text := fmt.Sprintf("the API ignored %s of %s %s: no such field, read-only, or overruled", strings.Join(ignored, ", "), singular(resource), id)
	if len(applied) > 0 {
		text += "; applied: " + strings.Join(applied, ", ")
	}
	return jobs.Fail(jobs.CodeIgnoredFields, "%s", text).WithStatus(http.StatusOK)
}

// Object returns the write representation of an object: plain ids, unmasked.
func (c *Client) Object(ctx context.Context, resource Resource, id string) (map[string]any, error) {
	var object row
	err := c.call(ctx, &request{method: http.MethodGet, path: objectPath(resource, id) + "object/"}, &object)
	return object, describeObject(resource, id, err)
}

// Same reports whether an object already shows the values.
func (c *Client) Same(object, values map[string]any) bool {
	return len(differences(object, values)) == 0
}

func objectPath(resource Resource, id string) string { return "/" + string(resource) + "/" + id + "/" }

// describeObject names the object in a failure that does not.
func describeObject(resource Resource, id string, err error) error {
	var failure *jobs.Failure
	if errors.As(err, &failure) && failure.Code == jobs.CodeRejected {
		named := *failure
		named.Message = fmt.Sprintf("%s %s: %s", singular(resource), id, failure.Message)
		return &named
	}
	return err
}

// checkValues refuses what would destroy: a list of one empty element is taken
// for an empty list, and unlinks everything (core/views.py).
func checkValues(values map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		list, ok := values[name].([]any)
		if !ok {
			continue
		}
		for _, item := range list {
			if item == nil || item == "" {
				return jobs.Fail(jobs.CodeRejected, "%s: a list with an empty element would unlink everything; send the ids, or [] to mean it", name)
			}
		}
	}
	return nil
}

// differences returns the fields that an object lacks or shows otherwise than
// they were sent.
func differences(object row, values map[string]any) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		got, there := object[name]
		if !there || !sameValue(got, values[name]) && !overruled(object, values, name) {
			names = append(names, name)
		}
	}
	return names
}

// overruled knows the values that the API changes by rule (core/models.py).
func overruled(object row, values map[string]any, name string) bool {
	switch name {
	case "progress_field": // an active control is done
		return object.str("status") == "active"
	case "status", "result", "extended_result", "respondent_alignment":
		if values[name] == "" && object["requirement"] != nil {
			return true // an empty choice leaves a requirement assessment as it is
		}
		return name == "result" && values["respondent_alignment"] != nil
	case "filtering_labels": // labels given as text become ids
		sent, _ := values[name].([]any)
		got, _ := object[name].([]any)
		return len(sent) == len(got) && slices.ContainsFunc(sent, func(v any) bool { s, _ := v.(string); return !uuidPattern.MatchString(s) })
	}
	return false
}
