package fakeciso

import (
	"fmt"
	"maps"
	"net/url"
)

// snapshot returns a copy of an object's row.
func (c *call) snapshot(o *object) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(o.fields)
}

// writeRow is the write representation; that of a requirement assessment has no
// times (core/serializers.py).
func writeRow(o *object) map[string]any {
	row := maps.Clone(o.fields)
	if o.kind == "requirement-assessments" {
		delete(row, "created_at")
		delete(row, "updated_at")
	}
	return row
}

// ref is a related object as reads show it: {} if the user may not see it.
func (c *call) ref(kind string, id any) any {
	if id == nil {
		return nil
	}
	o := c.objects[kind][fmt.Sprint(id)]
	if o == nil {
		return nil
	}
	if !global(kind) && c.user.Role != Admin && !c.sees(o.fields["folder"]) {
		return map[string]any{}
	}
	return map[string]any{"str": o.fields["name"], "id": o.id}
}

func (c *call) refs(kind string, ids any) []any {
	list, _ := ids.([]any)
	out := make([]any, 0, len(list))
	for _, id := range list {
		out = append(out, c.ref(kind, id))
	}
	return out
}

func (c *call) lightRow(o *object) map[string]any {
	return map[string]any{
		"id": o.id, "name": o.fields["name"], "ref_id": o.fields["ref_id"], "folder": c.ref("folders", o.fields["folder"]), "str": o.fields["name"],
	}
}

// readRow is the read representation of one object.
func (c *call) readRow(o *object) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	row := c.listRow(o)
	if o.kind == "applied-controls" {
		row["evidences"] = c.refs("evidences", o.fields["evidences"])
	}
	return row
}

// priorities are shown by name in reads.
var priorities = map[int]string{1: "P1", 2: "P2", 3: "P3", 4: "P4"}

// listRow is an object as lists show it; the lock is held.
func (c *call) listRow(o *object) map[string]any {
	row := maps.Clone(o.fields)
	if o.kind != "folders" {
		row["folder"] = c.ref("folders", o.fields["folder"])
	}
	switch o.kind {
	case "applied-controls":
		delete(row, "evidences")
		if c.cfg.Old {
			row["evidences"] = c.refs("evidences", o.fields["evidences"])
		}
		if p, ok := o.fields["priority"].(int); ok {
			row["priority"] = priorities[p]
		}
		row["reference_control"] = c.ref("reference-controls", o.fields["reference_control"])
	case "requirement-assessments":
		c.requirementRow(o, row)
	case "compliance-assessments":
		row["framework"] = c.ref("frameworks", o.fields["framework"])
	case "folders":
		row["parent_folder"] = c.ref("folders", o.fields["parent_folder"])
	case "requirement-nodes":
		row["folder"] = o.fields["folder"]
	case "evidences":
		row["applied_controls"] = c.refs("applied-controls", o.fields["applied_controls"])
		row["requirement_assessments"] = []any{}
		row["status"] = "Draft"
		if name, ok := o.fields["attachment"].(string); ok && name != "" {
			row["attachment"] = "/" + url.PathEscape(name)
		}
	case "evidence-revisions":
		row["evidence"] = c.ref("evidences", o.fields["evidence"])
		row["size"] = nil
		if name, ok := o.fields["attachment"].(string); ok {
			row["size"] = fmt.Sprintf("%d B", len(c.files[name]))
		}
	}
	return row
}

// requirementRow adds the related objects that lists spell out, and takes out
// the fields that reads hide (core/utils.py).
func (c *call) requirementRow(o *object, row map[string]any) {
	for _, hidden := range []string{"score", "documentation_score", "is_scored", "respondent_alignment"} {
		delete(row, hidden)
	}
	ca := c.objects["compliance-assessments"][fmt.Sprint(o.fields["compliance_assessment"])]
	if ca != nil {
		row["compliance_assessment"] = map[string]any{"str": ca.fields["name"], "id": ca.id, "name": ca.fields["name"], "is_locked": ca.fields["is_locked"]}
	}
	node := c.objects["requirement-nodes"][fmt.Sprint(o.fields["requirement"])]
	if node != nil {
		row["name"] = fmt.Sprint(node.fields["ref_id"], " - ", node.fields["name"])
		row["requirement"] = map[string]any{"id": node.id, "urn": node.fields["urn"], "ref_id": node.fields["ref_id"], "name": node.fields["name"]}
	}
	row["assessable"] = true
	row["evidences"] = c.refs("evidences", o.fields["evidences"])
	row["applied_controls"] = c.refs("applied-controls", o.fields["applied_controls"])
}

// openAPI answers the part of the schema that lists the filters.
func (c *call) openAPI() {
	paths := map[string]any{}
	for resource := range listed {
		var parameters []any
		for name := range c.filterTable(resource) {
			parameters = append(parameters, map[string]any{"in": "query", "name": name, "schema": map[string]any{"type": "string"}})
		}
		paths["/api/"+resource+"/"] = map[string]any{"get": map[string]any{"parameters": parameters}}
	}
	data := map[string]any{"openapi": "3.0.3", "paths": paths}
	c.json(200, data)
}
