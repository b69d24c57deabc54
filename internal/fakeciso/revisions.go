package fakeciso

import (
	"maps"
	"net/http"
	"path"
	"strings"
)

// revision is an evidence revision, or none.
type revision struct{ *object }

// name is that of its file in storage, "" if it has none.
func (r revision) name() string {
	if r.object == nil {
		return ""
	}
	return stored(r.fields["attachment"])
}

// version is 0 if there is no revision.
func (r revision) version() int {
	if r.object == nil {
		return 0
	}
	return number(r.fields["version"])
}

// newest returns the newest revision of an evidence. The lock is held.
func (s *Server) newest(evidence string) (r revision) {
	for _, o := range s.index["evidence-revisions"]["evidence="+evidence] {
		if r.object == nil || number(o.fields["version"]) >= r.version() {
			r.object = o
		}
	}
	return r
}

// createRevision adds a file to an evidence. Its hash is wrong if the name is
// already in storage.
func (c *call) createRevision() {
	f, ok := c.readForm()
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	given, sent := f.values["evidence"]
	if !sent {
		c.json(http.StatusBadRequest, map[string]any{"evidence": []any{"This field is required."}})
		return
	}
	id, problem := idField("evidences")(c, given)
	if problem != "" {
		c.json(http.StatusBadRequest, map[string]any{"evidence": []any{problem}})
		return
	}
	evidence := c.objects["evidences"][id.(string)]
	folder, sent := f.values["folder"]
	asked := folder
	if !sent {
		folder, asked = evidence.fields["folder"], c.root // it asks for the right on the root, and puts it here
	}
	if !c.mayWrite(asked) {
		c.json(http.StatusForbidden, map[string]any{"folder": "You do not have permission to add objects in this folder"})
		return
	}
	if c.refuseEmpty(f) {
		return
	}
	row := map[string]any{"evidence": evidence.id, "version": c.newest(evidence.id).version() + 1, "folder": folder, "observation": f.values["observation"]}
	if f.name != "" {
		name := validName(f.name)
		if problem := extensionProblem(strings.TrimPrefix(path.Ext(name), ".")); problem != "" {
			c.json(http.StatusBadRequest, map[string]any{"attachment": []any{problem}})
			return
		}
		row["attachment"], row["attachment_hash"] = c.store(name, f.bytes)
	}
	o := c.insert("evidence-revisions", row)
	evidence.fields["status"] = "in_review"
	c.remember(o, c.entry.Job, maps.Clone(o.fields))
	c.journal.wrote(c.entry, "evidences/"+evidence.id)
	c.json(http.StatusCreated, c.writeRow(o))
}
