package ciso

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"dispatcher/jobs"
)

// maxBatch is the most ids that one batch-action takes (core/views.py).
const maxBatch = 100

// Link adds an evidence to objects and keeps their other evidence. The caller
// holds the locks of the objects: the server loses parallel links.
func (c *Client) Link(ctx context.Context, resource Resource, ids []string, evidenceID string) error {
	if !c.hasAddM2M() {
		return c.linkEach(ctx, resource, ids, evidenceID)
	}
	for chunk := range slices.Chunk(ids, maxBatch) {
		err := c.linkBatch(ctx, resource, chunk, evidenceID)
		if failure, ok := asRejected(err); ok && isUnknownAction(failure) {
			c.mu.Lock()
			c.noAddM2M = true
			c.mu.Unlock()
			return c.linkEach(ctx, resource, ids, evidenceID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) hasAddM2M() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.noAddM2M
}

func asRejected(err error) (*jobs.Failure, bool) {
	f, ok := err.(*jobs.Failure)
	return f, ok && f.Code == jobs.CodeRejected
}

func isUnknownAction(f *jobs.Failure) bool { return strings.Contains(f.Message, "Invalid action type") }

// linkBatch links up to 100 objects with one request, which answers 200 even
// if none was linked.
func (c *Client) linkBatch(ctx context.Context, resource Resource, ids []string, evidenceID string) error {
	var result struct {
		Succeeded []row `json:"succeeded"`
		Failed    []row `json:"failed"`
	}
	err := c.call(ctx, &request{
		method: http.MethodPost, path: "/" + string(resource) + "/batch-action/", object: string(resource) + "/" + ids[0],
		body: map[string]any{"action": "add_m2m", "ids": ids, "field": "evidences", "value": []string{evidenceID}},
	}, &result)
	if err != nil {
		return err
	}
	if len(result.Failed) > 0 {
		return linkFailure(resource, ids, result.Failed, evidenceID)
	}
	if len(result.Succeeded) < len(ids) {
		return jobs.Transient(http.StatusOK, 0, fmt.Errorf("link evidence %s: the API reports %d of %d", evidenceID, len(result.Succeeded), len(ids)))
	}
	return nil
}

// linkFailure words the first of the failures of a batch.
func linkFailure(resource Resource, ids []string, failed []row, evidenceID string) error {
	why := shorten(strings.Join(flatten("", failed[0]["error"], 0), "; "))
	if passing(why) {
		return jobs.Transient(http.StatusOK, 0, fmt.Errorf("link evidence %s: %s", evidenceID, why))
	}
	code := jobs.CodeRejected
	if strings.Contains(why, "do not have permission") || strings.Contains(why, "access denied") {
		code = jobs.CodeForbidden
	}
	return jobs.Fail(code, "evidence %s could not be linked to %d of %d %s; %s: %s", evidenceID, len(failed), len(ids), resource, failed[0].str("id"), why)
}

// linkEach links one object after the other on servers without add_m2m: the
// ids come from /object/, where none is masked, and go back with one more.
func (c *Client) linkEach(ctx context.Context, resource Resource, ids []string, evidenceID string) error {
	for _, id := range ids {
		object, err := c.Object(ctx, resource, id)
		if err != nil {
			return err
		}
		linked, _ := object["evidences"].([]any)
		if slices.Contains(linked, any(evidenceID)) {
			continue
		}
		all := append(slices.Clone(linked), evidenceID)
		if err := c.Update(ctx, resource, id, map[string]any{"evidences": all}); err != nil {
			return err
		}
	}
	return nil
}

// Linked returns which of the objects show the evidence among theirs.
func (c *Client) Linked(ctx context.Context, evidenceID string) (controls, assessments []string, err error) {
	object, err := c.Object(ctx, Evidences, evidenceID)
	if err != nil {
		return nil, nil, err
	}
	return texts(object["applied_controls"]), texts(object["requirement_assessments"]), nil
}

func texts(v any) (list []string) {
	items, _ := v.([]any)
	for _, item := range items {
		if s, ok := idOf(item).(string); ok {
			list = append(list, s)
		}
	}
	return list
}
