package fakeciso

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// form is what a POST sent, JSON or multipart.
type form struct {
	values map[string]any // strings and lists of strings
	name   string         // of the file, "" if none was sent
	bytes  []byte
}

// readForm reads a POST; a chunked one is empty. ok is false when it has answered.
func (c *call) readForm() (f form, ok bool) {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" || c.r.ContentLength <= 0 {
		f.values, ok = c.readJSON()
		return f, ok
	}
	if err := c.r.ParseMultipartForm(64 << 20); err != nil {
		c.detail(http.StatusBadRequest, "Multipart form parse error - "+err.Error())
		return f, false
	}
	f.values = make(map[string]any)
	for name, values := range c.r.MultipartForm.Value {
		f.values[name] = values[len(values)-1]
		if manyToMany[name] != "" {
			list := make([]any, len(values))
			for i, v := range values {
				list[i] = v
			}
			f.values[name] = list
		}
	}
	if headers := c.r.MultipartForm.File["attachment"]; len(headers) > 0 {
		file, err := headers[0].Open()
		if err != nil {
			return f, false
		}
		defer file.Close()
		f.name = headers[0].Filename
		f.bytes, _ = io.ReadAll(file)
		if len(f.bytes) == 0 {
			c.json(http.StatusBadRequest, map[string]any{"attachment": []any{"The submitted file is empty."}})
			return f, false
		}
	}
	return f, true
}

// createEvidence makes an evidence, with file and links. Its name is checked
// before the row is saved, with a gap between the two.
func (c *call) createEvidence() {
	f, ok := c.readForm()
	if !ok {
		return
	}
	name, _ := f.values["name"].(string)
	if name = strings.TrimSpace(name); name == "" {
		c.json(http.StatusBadRequest, map[string]any{"name": []any{"This field is required."}})
		return
	}
	folder := any(c.root)
	if given, sent := f.values["folder"]; sent {
		c.mu.Lock()
		clean, problem := idField("folders")(c, given)
		c.mu.Unlock()
		if problem != "" {
			c.json(http.StatusBadRequest, map[string]any{"folder": []any{problem}})
			return
		}
		folder = clean
	}
	if !c.mayWrite(folder) {
		c.json(http.StatusForbidden, map[string]any{"folder": "You do not have permission to add objects in this folder"})
		return
	}
	row := map[string]any{"name": name, "folder": folder}
	if d, ok := f.values["description"].(string); ok {
		row["description"] = d
	}
	c.mu.Lock()
	for _, field := range []string{"applied_controls", "requirement_assessments"} {
		if ids, sent := f.values[field]; sent {
			clean, problem := idsField(manyToMany[field])(c, ids)
			if problem != "" {
				c.mu.Unlock()
				c.json(http.StatusBadRequest, map[string]any{field: []any{problem}})
				return
			}
			row[field] = clean
		}
	}
	taken := c.nameTaken(name, folder)
	c.mu.Unlock()
	if taken {
		c.json(http.StatusBadRequest, map[string]any{"name": name + " is already used in this scope. Please choose another value."})
		return
	}
	if c.cfg.RaceWindow > 0 {
		time.Sleep(c.cfg.RaceWindow)
	}
	c.mu.Lock()
	o := c.insert("evidences", row)
	revision := map[string]any{"evidence": o.id, "version": 1, "folder": folder}
	if f.name != "" {
		stored, _ := c.store(f.name, f.bytes)
		sum := sha256.Sum256(f.bytes)
		o.fields["attachment"] = stored
		revision["attachment"], revision["attachment_hash"] = stored, hex.EncodeToString(sum[:]) // right even on a collision
	}
	c.insert("evidence-revisions", revision)
	for field, kind := range map[string]string{"applied_controls": "applied-controls", "requirement_assessments": "requirement-assessments"} {
		ids, _ := o.fields[field].([]any)
		for _, id := range ids {
			c.addLink(c.objects[kind][fmt.Sprint(id)], o.id)
		}
	}
	answer := c.writeAnswer(o)
	if name, ok := answer["attachment"].(string); ok {
		answer["attachment"] = "/" + name
	}
	o.history = append(o.history, Change{At: time.Now(), Job: c.entry.Job, Fields: answer})
	c.mu.Unlock()
	c.journal.wrote(c.entry, "evidences/"+o.id)
	c.json(http.StatusCreated, answer)
}

// addLink links an evidence to a control without touching the rest of its row,
// as an insert into the table between them does.
func (c *call) addLink(o *object, evidence string) {
	if o == nil {
		return
	}
	list, _ := o.fields["evidences"].([]any)
	if !slices.Contains(list, any(evidence)) {
		o.fields["evidences"] = append(slices.Clone(list), evidence)
	}
}

func (c *call) nameTaken(name string, folder any) bool {
	return slices.ContainsFunc(c.order["evidences"], func(o *object) bool {
		return o.fields["folder"] == folder && strings.EqualFold(fmt.Sprint(o.fields["name"]), name)
	})
}

// store puts bytes into storage; a name that is taken gets a random end, and
// collided says so. The lock is held.
func (c *call) store(name string, content []byte) (stored string, collided bool) {
	name = path.Base(name)
	stored = name
	if _, taken := c.files[stored]; taken {
		c.ids++
		ext := path.Ext(name)
		stored, collided = fmt.Sprintf("%s_%07x%s", strings.TrimSuffix(name, ext), c.ids, ext), true
	}
	c.files[stored] = content
	return stored, collided
}

// extensions are those that the validator allows (core/validators.py).
const extensions = "jpg, jpeg, png, doc, docx, odt, ppt, pptx, txt, xls, xlsx, ods, csv, md, pdf, json, yaml, yml, toml, xml, msg, eml, zip, 7z, tar, gz, log, svg, mp4, mov, gif, webp"

// createRevision adds a file to an evidence. Its hash is that of whatever is in
// storage under the name that was sent: wrong after a collision.
func (c *call) createRevision() {
	f, ok := c.readForm()
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	id, problem := idField("evidences")(c, f.values["evidence"])
	if problem != "" {
		c.json(http.StatusBadRequest, map[string]any{"evidence": []any{problem}})
		return
	}
	evidence := c.objects["evidences"][id.(string)]
	folder, sent := f.values["folder"]
	if !sent {
		folder = c.root
	}
	if !c.mayWrite(folder) {
		c.json(http.StatusForbidden, map[string]any{"folder": "You do not have permission to add objects in this folder"})
		return
	}
	if f.name != "" {
		ext := strings.ToLower(path.Ext(f.name))
		if !slices.Contains(strings.Split(extensions, ", "), strings.TrimPrefix(ext, ".")) || ext == "" {
			c.json(http.StatusBadRequest, map[string]any{"attachment": []any{"Unsupported file extension '" + ext + "'. Allowed extensions: " + extensions}})
			return
		}
	}
	version := 1
	for _, r := range c.index["evidence-revisions"]["evidence="+evidence.id] {
		version = max(version, number(r.fields["version"])+1)
	}
	row := map[string]any{"evidence": evidence.id, "version": version, "folder": folder, "observation": f.values["observation"]}
	if f.name != "" {
		known := f.bytes
		if old, taken := c.files[path.Base(f.name)]; taken {
			known = old
		}
		sum := sha256.Sum256(known)
		stored, _ := c.store(f.name, f.bytes)
		row["attachment"], row["attachment_hash"] = stored, hex.EncodeToString(sum[:])
		evidence.fields["attachment"] = stored
	}
	o := c.insert("evidence-revisions", row)
	evidence.fields["status"] = "in_review"
	o.history = append(o.history, Change{At: time.Now(), Job: c.entry.Job, Fields: o.fields})
	c.journal.wrote(c.entry, "evidences/"+evidence.id)
	c.json(http.StatusCreated, o.fields)
}

// upload is the endpoint that destroys: onto another file it removes the old
// one and stores nothing; under the same name it keeps the old bytes.
func (c *call) upload(id string) {
	o := c.visible("evidences", id)
	if o == nil || !c.mayWrite(c.snapshot(o)["folder"]) {
		c.detail(http.StatusNotFound, "Not found.")
		return
	}
	_, parameters, _ := mime.ParseMediaType(c.r.Header.Get("Content-Disposition"))
	name := parameters["filename"]
	if name == "" {
		c.detail(http.StatusBadRequest, "Missing filename. Request should include a Content-Disposition header with a filename parameter.")
		return
	}
	content, _ := io.ReadAll(c.r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	old, _ := o.fields["attachment"].(string)
	switch {
	case c.r.ContentLength <= 0 || len(content) == 0, old == name:
	case old != "":
		delete(c.files, old)
		o.fields["attachment"] = nil
	default:
		stored, _ := c.store(name, content)
		o.fields["attachment"] = stored
	}
	c.journal.wrote(c.entry, "evidences/"+o.id)
	c.w.WriteHeader(http.StatusOK)
}

// download answers the bytes of an evidence's or a revision's file.
func (c *call) download(resource, id string) {
	o := c.visible(resource, id)
	if o == nil {
		c.noSuchObject(resource)
		return
	}
	name, _ := c.snapshot(o)["attachment"].(string)
	c.mu.Lock()
	content, ok := c.files[name]
	c.mu.Unlock()
	if !ok {
		c.w.WriteHeader(http.StatusNotFound)
		return
	}
	writeRaw(c.w, http.StatusOK, "application/octet-stream", string(content))
}
