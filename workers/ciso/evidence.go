package ciso

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"dispatcher/jobs"
)

// Evidence is an evidence as lists show it.
type Evidence struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	FolderID string `json:"folder"`
}

// NewEvidence is an evidence to create, with its file and links, in one POST.
type NewEvidence struct {
	Name, Description, FolderID string
	AppliedControls             []string
	RequirementAssessments      []string
	File                        File
}

// FindEvidence returns the evidence of a name in a folder ("" for any): exactly
// that name first, then one that differs in case only, because names are unique
// without case. Several are all returned.
func (c *Client) FindEvidence(ctx context.Context, name, folderID string) ([]Evidence, error) {
	exact, err := c.evidences(ctx, url.Values{"name": {name}}, folderID, func(got string) bool {
		return strings.TrimSpace(got) == strings.TrimSpace(name)
	})
	if err != nil || len(exact) > 0 {
		return exact, err
	}
	return c.evidences(ctx, url.Values{"search": {name}}, folderID, func(got string) bool {
		return strings.EqualFold(strings.TrimSpace(got), strings.TrimSpace(name))
	})
}

func (c *Client) evidences(ctx context.Context, parameters url.Values, folderID string, is func(name string) bool) (found []Evidence, err error) {
	if folderID != "" {
		parameters.Set("folder", folderID)
	}
	err = c.each(ctx, "/evidences/", parameters, pageSize, func(r row) {
		e := Evidence{ID: r.str("id"), Name: r.str("name"), FolderID: r.inner("folder").str("id")}
		if is(e.Name) && (folderID == "" || sameID(e.FolderID, folderID)) {
			found = append(found, e)
		}
	}, "id", "name", "folder")
	return found, err
}

// CreateEvidence makes an evidence with its file and links in one multipart
// POST: of all ways the only one whose links survive parallel writers.
func (c *Client) CreateEvidence(ctx context.Context, e NewEvidence) (id string, err error) {
	fields := [][2]string{{"name", e.Name}}
	if e.FolderID != "" {
		fields = append(fields, [2]string{"folder", e.FolderID})
	}
	if e.Description != "" {
		fields = append(fields, [2]string{"description", e.Description})
	}
	for _, control := range e.AppliedControls {
		fields = append(fields, [2]string{"applied_controls", control})
	}
	for _, ra := range e.RequirementAssessments {
		fields = append(fields, [2]string{"requirement_assessments", ra})
	}
	var created row
	err = c.call(ctx, &request{
		method: http.MethodPost, path: "/evidences/", file: newMultipart(fields, "attachment", e.File),
		object: "evidences/" + e.FolderID + "/" + strings.ToLower(e.Name), timeout: c.cfg.UploadTimeout,
	}, &created)
	return createdID(created, "/evidences/", err)
}

// createdID returns the id of what a POST made.
func createdID(created row, path string, err error) (string, error) {
	if err == nil && created.str("id") == "" {
		err = &UnansweredError{Err: jobs.Holding(jobs.HoldAPIDown, fmt.Errorf("POST %s: the answer has no id; API_URL leads to something else, or a proxy is in between", path))}
	}
	return created.str("id"), err
}
