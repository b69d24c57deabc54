package ciso

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Evidence is an evidence as lists show it.
type Evidence struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	FolderID string `json:"folder"`
}

// Revision is one file of an evidence.
type Revision struct {
	ID          string `json:"id"`
	Version     int    `json:"version"`
	Attachment  string `json:"attachment"` // stored file name, "" if it has none
	Hash        string `json:"hash"`       // SHA-256 in hex; right only for a name that was unique
	Observation string `json:"observation,omitempty"`
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
	parameters.Set("limit", strconv.Itoa(pageSize))
	parameters.Set("ordering", "id")
	for offset, total := 0, 1; offset < total; {
		parameters.Set("offset", strconv.Itoa(offset))
		var page list
		if err := c.call(ctx, &request{method: http.MethodGet, path: "/evidences/", query: parameters.Encode()}, &page); err != nil {
			return nil, err
		}
		for _, r := range page.Results {
			e := Evidence{ID: r.str("id"), Name: r.str("name"), FolderID: r.inner("folder").str("id")}
			if is(e.Name) && (folderID == "" || strings.EqualFold(e.FolderID, folderID)) {
				found = append(found, e)
			}
		}
		if len(page.Results) == 0 {
			break
		}
		offset, total = offset+len(page.Results), page.Count
	}
	return found, nil
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
	if err != nil {
		return "", err
	}
	if created.str("id") == "" {
		return "", fmt.Errorf("create evidence %q: the answer has no id", e.Name)
	}
	return created.str("id"), nil
}

// Revisions returns the newest revisions of an evidence, newest first.
func (c *Client) Revisions(ctx context.Context, evidenceID string, limit int) (revisions []Revision, err error) {
	var page list
	parameters := url.Values{"evidence": {evidenceID}, "limit": {strconv.Itoa(limit)}}
	if err := c.call(ctx, &request{method: http.MethodGet, path: "/evidence-revisions/", query: parameters.Encode()}, &page); err != nil {
		return nil, err
	}
	for _, r := range page.Results {
		if r.inner("evidence").str("id") != evidenceID {
			continue
		}
		version, _ := strconv.Atoi(r.str("version"))
		revisions = append(revisions, Revision{
			ID: r.str("id"), Version: version, Attachment: strings.TrimPrefix(r.str("attachment"), "/"),
			Hash: r.str("attachment_hash"), Observation: r.str("observation"),
		})
	}
	return revisions, nil
}

// AddRevision adds a file to an evidence. The folder is the evidence's own:
// without it the server checks the rights on its root folder.
func (c *Client) AddRevision(ctx context.Context, e Evidence, observation string, file File) (id string, err error) {
	fields := [][2]string{{"evidence", e.ID}, {"folder", e.FolderID}, {"observation", observation}}
	var created row
	err = c.call(ctx, &request{
		method: http.MethodPost, path: "/evidence-revisions/", file: newMultipart(fields, "attachment", file),
		object: "evidences/" + e.ID, timeout: c.cfg.UploadTimeout,
	}, &created)
	return created.str("id"), err
}
