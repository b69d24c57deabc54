package fakeciso

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// createEvidence makes an evidence, with file and links. Its name is checked
// before the row is saved, with a gap between the two.
func (c *call) createEvidence() {
	f, ok := c.readForm()
	if !ok {
		return
	}
	c.mu.Lock()
	row, status, refusal := c.newEvidence(f)
	c.mu.Unlock()
	if refusal != nil {
		c.json(status, refusal)
		return
	}
	if c.refuseEmpty(f) {
		return
	}
	if c.cfg.RaceWindow > 0 {
		time.Sleep(c.cfg.RaceWindow)
	}
	c.mu.Lock()
	o := c.insert("evidences", row)
	first := map[string]any{"evidence": o.id, "version": 1, "folder": row["folder"]}
	if f.name != "" {
		first["attachment"], _ = c.store(validName(f.name), f.bytes)
		first["attachment_hash"] = sum(f.bytes) // right even on a collision
	}
	c.insert("evidence-revisions", first)
	c.linkBack(o, map[string]any{}, o.fields)
	answer := c.writeRow(o)
	c.remember(o, c.entry.Job, answer)
	c.mu.Unlock()
	c.journal.wrote(c.entry, "evidences/"+o.id)
	c.json(http.StatusCreated, answer)
}

// newEvidence is the row that a form makes, or the refusal. The lock is held.
func (c *call) newEvidence(f form) (row map[string]any, status int, refusal map[string]any) {
	row = map[string]any{"folder": any(c.root)}
	problems := c.clean("evidences", row, f.values)
	if _, sent := f.values["name"]; !sent {
		problems["name"] = []any{"This field is required."}
	}
	if len(problems) > 0 {
		return nil, http.StatusBadRequest, problems
	}
	if !c.mayWrite(row["folder"]) {
		return nil, http.StatusForbidden, map[string]any{"folder": "You do not have permission to add objects in this folder"}
	}
	if denied := c.mayLink(map[string]any{"folder": row["folder"]}, f.values); denied != nil {
		return nil, http.StatusForbidden, denied
	}
	if name := fmt.Sprint(row["name"]); c.nameTaken(name, row["folder"]) {
		return nil, http.StatusBadRequest, map[string]any{"name": name + " is already used in this scope. Please choose another value."}
	}
	return row, 0, nil
}

func (c *call) nameTaken(name string, folder any) bool {
	same := c.index["evidences"]["anycase="+strings.ToLower(name)]
	return slices.ContainsFunc(same, func(o *object) bool { return o.fields["folder"] == folder })
}
