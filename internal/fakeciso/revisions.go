package fakeciso

import (
	"fmt"
	"maps"
	"net/http"
	"path"
	"strings"
	"time"
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
// already in storage. The version is chosen, checked and saved with gaps
// between: of parallel ones some are refused, and some get the same version.
func (c *call) createRevision() {
	f, ok := c.readForm()
	if !ok {
		return
	}
	c.mu.Lock()
	row, status, refusal := c.newRevision(f)
	c.mu.Unlock()
	if refusal != nil {
		c.json(status, refusal)
		return
	}
	if c.refuseEmpty(f) {
		return
	}
	name := validName(f.name)
	if f.name != "" {
		if problem := extensionProblem(strings.TrimPrefix(path.Ext(name), ".")); problem != "" {
			c.json(http.StatusBadRequest, map[string]any{"attachment": []any{problem}})
			return
		}
	}
	time.Sleep(c.cfg.RaceWindow / 2)
	c.mu.Lock()
	taken := c.newest(fmt.Sprint(row["evidence"])).version() >= number(row["version"])
	c.mu.Unlock()
	if taken {
		e := c.Object("evidences", fmt.Sprint(row["evidence"]))
		const used = " is already used in this scope. Please choose another value."
		c.json(http.StatusBadRequest, map[string]any{"evidence": fmt.Sprint(e["name"], used), "version": fmt.Sprint(row["version"], used)})
		return
	}
	time.Sleep(c.cfg.RaceWindow / 2)
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.name != "" {
		row["attachment"], row["attachment_hash"] = c.store(name, f.bytes)
	}
	o := c.insert("evidence-revisions", row)
	evidence := c.objects["evidences"][fmt.Sprint(row["evidence"])]
	evidence.fields["status"] = "in_review"
	c.remember(o, c.entry.Job, maps.Clone(o.fields))
	c.journal.wrote(c.entry, "evidences/"+evidence.id)
	c.json(http.StatusCreated, c.writeRow(o))
}

// newRevision is the row that a form makes, or the refusal. The lock is held.
func (c *call) newRevision(f form) (row map[string]any, status int, refusal map[string]any) {
	given, sent := f.values["evidence"]
	if !sent {
		return nil, http.StatusBadRequest, map[string]any{"evidence": []any{"This field is required."}}
	}
	id, problem := idField("evidences")(c, given)
	if problem != "" {
		return nil, http.StatusBadRequest, map[string]any{"evidence": []any{problem}}
	}
	evidence := c.objects["evidences"][id.(string)]
	folder, sent := f.values["folder"]
	asked := folder
	if !sent { // it asks for the right on the root, and puts the revision where the evidence is
		folder, asked = evidence.fields["folder"], c.root
	}
	if !c.mayWrite(asked) {
		return nil, http.StatusForbidden, map[string]any{"folder": "You do not have permission to add objects in this folder"}
	}
	return map[string]any{
		"evidence": evidence.id, "version": c.newest(evidence.id).version() + 1, "folder": folder, "observation": f.values["observation"],
	}, 0, nil
}
