package ciso

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"dispatcher/internal/anyjson"
	"dispatcher/jobs"
)

// Update writes fields of one object with one PATCH, and checks the answer: the
// API takes unknown fields for nothing and says 200. The failure ignored_fields
// names what was not taken; the other fields are applied then.
func (c *Client) Update(ctx context.Context, resource Resource, id string, values map[string]any) error {
	if err := CheckValues(values); err != nil {
		return err
	}
	var written row
	r := &request{method: http.MethodPatch, path: objectPath(resource, id), body: values, object: string(resource) + "/" + id}
	r.want = make([]string, 0, len(values)+3)
	r.want = append(slices.AppendSeq(r.want, maps.Keys(values)), "id", "requirement", "status")
	if err := c.call(ctx, r, &written); err != nil {
		return describeObject(resource, id, err)
	}
	if err := isObject(r, written, id); err != nil {
		return err
	}
	c.rights.found()
	ignored := ignoredFields(written, values)
	if slices.ContainsFunc(ignored, func(name string) bool { return mayBeMasked(written[name], values[name]) }) {
		object, err := c.Object(ctx, resource, id)
		if err != nil {
			return err
		}
		ignored = slices.DeleteFunc(ignored, func(name string) bool { return sameValue(object[name], values[name]) })
	}
	return ignoredFailure(resource, id, ignored, values)
}

func ignoredFailure(resource Resource, id string, ignored []string, values map[string]any) error {
	if len(ignored) == 0 {
		return nil
	}
	text := fmt.Sprintf("the API ignored %s of %s %s: no such field, read-only, or overruled", strings.Join(ignored, ", "), singular(resource), id)
	applied := slices.DeleteFunc(anyjson.Names(values), func(name string) bool { return slices.Contains(ignored, name) })
	if len(applied) > 0 {
		text += "; applied: " + strings.Join(applied, ", ")
	}
	return jobs.Fail(jobs.CodeIgnoredFields, "%s", cutText(text, 2*maxErrorText)).WithStatus(http.StatusOK)
}

// Object returns the write representation of an object: plain ids, unmasked.
func (c *Client) Object(ctx context.Context, resource Resource, id string) (map[string]any, error) {
	var object row
	r := &request{method: http.MethodGet, path: objectPath(resource, id) + "object/"}
	if err := c.call(ctx, r, &object); err != nil {
		return nil, describeObject(resource, id, err)
	}
	return object, isObject(r, object, id)
}

// isObject returns a hold if an answer is not the object that was asked for.
func isObject(r *request, object row, id string) error {
	if sameID(object.str("id"), id) || object["id"] == nil && len(object) > 0 {
		return nil
	}
	return jobs.Holding(jobs.HoldAPIDown, fmt.Errorf("%s %s: the answer is not the object's; API_URL leads to something else, or a proxy is in between", r.method, r.path))
}

// Same reports whether an object, as [Client.Object] shows it, already has the
// values: then a PATCH would change nothing.
func (c *Client) Same(object, values map[string]any) bool {
	for name, sent := range values {
		got, there := object[name]
		if !there || !sameValue(got, sent) && !keepsAsIs(object, name, sent) && !forced(object, name) {
			return false
		}
	}
	return true
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

// CheckValues refuses what would destroy: a list of one empty element is taken
// for an empty list, and unlinks everything (core/views.py).
func CheckValues(values map[string]any) error {
	var names []string
	for name, value := range values {
		if list, _ := value.([]any); slices.ContainsFunc(list, isEmpty) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return jobs.Fail(jobs.CodeRejected, "%s: a list with an empty element would unlink everything; send the ids, or [] to mean it", slices.Min(names))
	}
	return nil
}

func isEmpty(item any) bool {
	text, isText := item.(string)
	return item == nil || isText && strings.TrimFunc(text, blank) == ""
}

// ignoredFields returns the fields that a PATCH's answer lacks or shows
// otherwise than they were sent.
func ignoredFields(written row, values map[string]any) (names []string) {
	for name, sent := range values {
		got, there := written[name]
		switch {
		case !there && writeOnly(written, name):
		case !there:
			names = append(names, name)
		case sameValue(got, sent), keepsAsIs(written, name, sent), forced(written, name),
			derived(values, name), name == "filtering_labels" && sameLabels(got, sent):
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// mayBeMasked reports whether an answer lacks only some of the ids that were
// sent. v3.20.8 shows them all, also those that the token may not see; another
// version may leave those out though they are linked, as all do in reads.
func mayBeMasked(got, sent any) bool {
	list, ok := got.([]any)
	wanted, ok2 := sent.([]any)
	return ok && ok2 && within(list, wanted)
}

// The functions below know the values that the API changes by rule
// (core/models.py, core/serializers.py).

// writeOnly are fields that no answer shows.
func writeOnly(object row, name string) bool {
	if isAssessment(object) {
		return name == "answers"
	}
	return slices.Contains([]string{"integration_config", "remote_object_id", "create_remote_object", "custom_fields"}, name)
}

func isAssessment(object row) bool { return object["requirement"] != nil }

// keepsAsIs: an empty choice leaves a requirement assessment as it is.
func keepsAsIs(object row, name string, sent any) bool {
	return sent == "" && isAssessment(object) &&
		slices.Contains([]string{"status", "result", "extended_result", "respondent_alignment"}, name)
}

// forced: an active control is done.
func forced(object row, name string) bool {
	return name == "progress_field" && object.str("status") == "active"
}

// derived: the respondent's word rewrites the result.
func derived(values map[string]any, name string) bool {
	return name == "result" && values["respondent_alignment"] != nil
}

// sameLabels: labels given as text become ids.
func sameLabels(got, sent any) bool {
	list, _ := got.([]any)
	wanted, _ := sent.([]any)
	texts := make(map[string]bool)
	var known []any
	for _, item := range wanted {
		text := element(item)
		if uuidPattern.MatchString(text) {
			known = append(known, text)
		}
		texts[strings.ToLower(text)] = true
	}
	return len(list) > 0 && len(list) <= len(texts) && within(known, list)
}
