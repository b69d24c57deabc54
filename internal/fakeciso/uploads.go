package fakeciso

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
)

// upload is the endpoint that destroys, of an evidence's newest revision or of a
// revision: onto another file it removes the old one and stores nothing; under
// the same name it keeps the old bytes.
func (c *call) upload(resource, id string) {
	o := c.visible(resource, id)
	if o == nil || !c.mayWrite(c.snapshot(o)["folder"]) {
		c.detail(http.StatusNotFound, "Not found.")
		return
	}
	sent := dispositionName(c.r.Header.Get("Content-Disposition"))
	if sent == "" {
		c.detail(http.StatusBadRequest, "Missing filename. Request should include a Content-Disposition header with a filename parameter.")
		return
	}
	content, _ := io.ReadAll(c.r.Body)
	if c.r.ContentLength <= 0 || len(content) == 0 || sent == "undefined" {
		c.w.WriteHeader(http.StatusOK)
		return
	}
	name, ext, ok := uploadName(sent)
	if problem := extensionProblem(ext); problem != "" {
		c.detail(http.StatusBadRequest, problem)
		return
	}
	if !ok {
		badRequest(c.w)
		return
	}
	if len(content) > maxAttachment {
		c.detail(http.StatusBadRequest, "The maximum file size that can be uploaded is 50 MB")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := revision{o}
	if resource == "evidences" {
		if r = c.newest(o.id); r.object == nil {
			r.object = c.insert("evidence-revisions", map[string]any{"evidence": o.id, "version": 1, "folder": o.fields["folder"]})
		}
	}
	switch old := r.name(); {
	case old == name:
	case old != "":
		delete(c.files, old)
		r.fields["attachment"], r.fields["attachment_hash"] = c.noFile(), nil
	default:
		r.fields["attachment"], r.fields["attachment_hash"] = c.store(name, content)
	}
	c.journal.wrote(c.entry, "evidences/"+fmt.Sprint(r.fields["evidence"]))
	c.w.WriteHeader(http.StatusOK)
}

// noFile is how a file that was destroyed shows.
func (c *call) noFile() any {
	if c.cfg.Old {
		return ""
	}
	return nil
}

// dispositionName is the file name of a Content-Disposition header as Django
// reads it, who takes blanks without quotes too, and filename* first.
func dispositionName(header string) string {
	if _, parameters, err := mime.ParseMediaType(header); err == nil && !strings.Contains(header, "filename*") {
		return parameters["filename"]
	}
	if _, extended, found := strings.Cut(header, "filename*="); found {
		_, parameters, _ := mime.ParseMediaType("attachment; filename*=" + extended)
		return parameters["filename"]
	}
	_, plain, _ := strings.Cut(header, "filename=")
	return strings.Trim(plain, `"`)
}

// deleteAttachment takes the file off a revision.
func (c *call) deleteAttachment(id string) {
	o := c.visible("evidence-revisions", id)
	c.mu.Lock()
	defer c.mu.Unlock()
	if o == nil || !c.mayWrite(o.fields["folder"]) || stored(o.fields["attachment"]) == "" {
		c.w.WriteHeader(http.StatusForbidden)
		return
	}
	delete(c.files, stored(o.fields["attachment"]))
	o.fields["attachment"], o.fields["attachment_hash"] = nil, nil
	c.w.WriteHeader(http.StatusOK)
}

// download answers the bytes of an evidence's or a revision's file.
func (c *call) download(resource, id string) {
	o := c.visible(resource, id)
	if o == nil {
		c.noSuchObject(resource)
		return
	}
	c.mu.Lock()
	name := revision{o}.name()
	if resource == "evidences" {
		name = c.newest(o.id).name()
	}
	content, ok := c.files[name]
	c.mu.Unlock()
	if !ok {
		c.w.WriteHeader(http.StatusNotFound)
		return
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if kind == "" {
		kind = "application/octet-stream"
	}
	c.w.Header().Set("Content-Disposition", "attachment; filename="+name)
	writeRaw(c.w, http.StatusOK, kind, string(content))
}
