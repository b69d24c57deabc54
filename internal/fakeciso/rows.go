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

// writeRow is the write representation; the lock is held.
func (c *call) writeRow(o *object) map[string]any {
	row := maps.Clone(o.fields)
	switch o.kind {
	case "evidences":
		row["attachment"] = slashed(c.newest(o.id).name())
	case "evidence-revisions":
		if name := stored(row["attachment"]); name != "" {
			row["attachment"] = "http://" + c.r.Host + "/" + url.PathEscape(name)
		}
	}
	return c.project(o.kind, written, row)
}

// slashed is a file name as an evidence shows it.
func slashed(name string) any {
	if name == "" {
		return nil
	}
	return "/" + url.PathEscape(name)
}

// stored is the name of a file in storage, "" if there is none.
func stored(attachment any) string {
	name, _ := attachment.(string)
	return name
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
	return map[string]any{"str": str(o), "id": o.id}
}

// str is how an object is called where others refer to it.
func str(o *object) any {
	if s, ok := o.fields["str"]; ok {
		return s
	}
	return o.fields["name"]
}

func (c *call) refs(kind string, ids any) []any {
	list, _ := ids.([]any)
	out := make([]any, 0, len(list))
	for _, id := range list {
		if r := c.ref(kind, id); r != nil {
			out = append(out, r)
		}
	}
	return out
}

func (c *call) lightRow(o *object) map[string]any {
	return map[string]any{
		"id": o.id, "name": o.fields["name"], "ref_id": o.fields["ref_id"], "folder": c.ref("folders", o.fields["folder"]), "str": str(o),
	}
}

// readRow is the read representation of one object.
func (c *call) readRow(o *object) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read(o, detailed)
}

// read is an object as lists, or it alone, show it; the lock is held.
func (c *call) read(o *object, v view) map[string]any {
	row := maps.Clone(o.fields)
	if o.kind != "requirement-nodes" {
		row["folder"] = c.ref("folders", o.fields["folder"])
	}
	row["path"] = c.path(o)
	for field, kind := range manyToMany {
		if list, ok := row[field].([]any); ok && len(list) > 0 {
			row[field] = c.refs(kind, list)
		}
	}
	if labels, ok := row["filtering_labels"].([]any); ok {
		row["filtering_labels"] = c.refs("filtering-labels", labels)
	}
	if r := readers[o.kind]; r != nil {
		r(c, o, row)
	}
	return c.project(o.kind, v, row)
}

// path are the folders above an object, without the root.
func (c *call) path(o *object) []any {
	out := []any{}
	id := o.fields["folder"]
	if o.kind == "folders" {
		id = o.fields["parent_folder"]
	}
	for f := c.objects["folders"][fmt.Sprint(id)]; f != nil && f.id != c.root; f = c.objects["folders"][fmt.Sprint(f.fields["parent_folder"])] {
		out = append([]any{map[string]any{"id": f.id, "str": f.fields["name"]}}, out...)
	}
	return out
}

// readers make the fields of reads that are not as they are stored.
var readers = map[string]func(c *call, o *object, row map[string]any){
	"applied-controls":        controlRow,
	"requirement-assessments": requirementRow,
	"evidences":               evidenceRow,
	"evidence-revisions":      revisionRow,
	"compliance-assessments": func(c *call, o *object, row map[string]any) {
		row["framework"] = c.ref("frameworks", o.fields["framework"])
		row["perimeter"] = c.ref("perimeters", o.fields["perimeter"])
	},
	"folders": func(c *call, o *object, row map[string]any) {
		row["parent_folder"] = c.ref("folders", o.fields["parent_folder"])
	},
	"requirement-nodes": func(_ *call, o *object, row map[string]any) {
		row["display_short"] = nodeName(o)
		row["display_long"] = nodeName(o)
		if text, ok := o.fields["description"].(string); ok {
			row["display_long"] = nodeName(o) + ": " + text
		}
	},
}

func nodeName(node *object) string {
	return fmt.Sprint(node.fields["ref_id"], " - ", node.fields["name"])
}
