package ciso

import (
	"context"
	"net/http"
	"net/url"
	pathpkg "path"
	"strconv"
	"strings"
)

// Revision is one file of an evidence.
type Revision struct {
	ID          string `json:"id"`
	Version     int    `json:"version"`
	Attachment  string `json:"attachment"` // stored file name, "" if it has none
	Hash        string `json:"hash"`       // SHA-256 in hex; right only for a name that was unique
	Size        string `json:"size,omitempty"`
	Observation string `json:"observation,omitempty"`
}

// Revisions returns the newest revisions of an evidence, newest first.
func (c *Client) Revisions(ctx context.Context, evidenceID string, limit int) (revisions []Revision, err error) {
	page, err := c.list(ctx, "/evidence-revisions/", url.Values{"evidence": {evidenceID}, "limit": {strconv.Itoa(limit)}})
	if err != nil {
		return nil, err
	}
	for _, r := range page.Results {
		if !sameID(r.inner("evidence").str("id"), evidenceID) {
			continue
		}
		version, _ := strconv.Atoi(r.str("version")) // 0 if it is no number
		revisions = append(revisions, Revision{
			ID: r.str("id"), Version: version, Attachment: storedName(r.str("attachment")), Size: r.str("size"),
			Hash: r.str("attachment_hash"), Observation: r.str("observation"),
		})
	}
	return revisions, nil
}

// storedName returns the name of a file in storage: answers show it bare, with
// a slash before it, or as an address, percent-encoded and perhaps signed.
func storedName(attachment string) string {
	if attachment == "" {
		return ""
	}
	if !strings.Contains(attachment, "/") {
		return attachment
	}
	address, _, _ := strings.Cut(attachment, "?")
	name := pathpkg.Base(address)
	if plain, err := url.PathUnescape(name); err == nil {
		return plain
	}
	return name
}

// AddRevision adds a file to an evidence. The folder is the evidence's own:
// without it the server checks the rights on its root folder.
func (c *Client) AddRevision(ctx context.Context, e Evidence, observation string, file File) (id string, err error) {
	fields := [][2]string{{"evidence", e.ID}}
	if e.FolderID != "" {
		fields = append(fields, [2]string{"folder", e.FolderID})
	}
	if observation != "" {
		fields = append(fields, [2]string{"observation", observation})
	}
	var created row
	err = c.call(ctx, &request{
		method: http.MethodPost, path: "/evidence-revisions/", file: newMultipart(fields, "attachment", file),
		object: "evidences/" + e.ID, timeout: c.cfg.UploadTimeout,
	}, &created)
	return createdID(created, "/evidence-revisions/", err)
}
