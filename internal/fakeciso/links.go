package fakeciso

import (
	"fmt"
	"slices"
)

// manyToMany are the lists of ids and what they point to.
var manyToMany = map[string]string{
	"evidences": "evidences", "applied_controls": "applied-controls", "requirement_assessments": "requirement-assessments",
	"owner": "actors", "assets": "assets", "security_exceptions": "security-exceptions", "objectives": "organisation-objectives",
	"findings": "findings", "incidents": "incidents", "task_templates": "task-templates", "stakeholders": "stakeholders",
	"findings_assessments": "findings-assessments", "timeline_entries": "timeline-entries", "contracts": "contracts",
	"genericcollection": "generic-collections", "reference_controls": "reference-controls", "threats": "threats",
	"reviewers": "actors", "authors": "actors",
}

// ends are the two fields of a link, by resource and field: both show it.
var ends = map[string]map[string]string{
	"applied-controls":        {"evidences": "applied_controls", "requirement_assessments": "applied_controls"},
	"requirement-assessments": {"evidences": "requirement_assessments", "applied_controls": "requirement_assessments"},
	"evidences":               {"applied_controls": "evidences", "requirement_assessments": "evidences"},
}

// linkBack keeps the other ends of an object's links. It touches nothing else
// of their rows, as the table between them does. The lock is held.
func (c *call) linkBack(o *object, was, is map[string]any) {
	for field, back := range ends[o.kind] {
		before, after := asList(was[field]), asList(is[field])
		for _, id := range before {
			if e := c.objects[manyToMany[field]][fmt.Sprint(id)]; e != nil && !slices.Contains(after, id) {
				e.fields[back] = slices.DeleteFunc(slices.Clone(asList(e.fields[back])), func(v any) bool { return v == o.id })
			}
		}
		for _, id := range after {
			if e := c.objects[manyToMany[field]][fmt.Sprint(id)]; e != nil && !slices.Contains(asList(e.fields[back]), any(o.id)) {
				e.fields[back] = append(slices.Clone(asList(e.fields[back])), o.id)
			}
		}
	}
}

// keepLinks gives a row that was read a while ago the links that there are now:
// they are in tables of their own, and a save touches but those that were sent.
func keepLinks(o *object, row, body map[string]any) {
	for field := range manyToMany {
		if _, sent := body[field]; !sent {
			if now, ok := o.fields[field]; ok {
				row[field] = now
			}
		}
	}
}

// linkable are the lists whose new ids the user must see, and how the API calls them.
var linkable = map[string]string{
	"evidences": "evidence", "applied_controls": "appliedcontrol", "requirement_assessments": "requirementassessment",
}

// mayLink refuses links to what the user may not see, and moves to folders that
// it may not write. What is linked already may stay.
func (c *call) mayLink(row, body map[string]any) map[string]any {
	if folder, moved := body["folder"]; moved && folder != row["folder"] && c.objects["folders"][fmt.Sprint(folder)] != nil && !c.mayWrite(folder) {
		return map[string]any{"folder": "You do not have permission to add objects in this folder"}
	}
	for field, model := range linkable {
		for _, id := range asList(body[field]) {
			e := c.objects[manyToMany[field]][fmt.Sprint(id)]
			if e != nil && !c.sees(e.fields["folder"]) && !slices.Contains(asList(row[field]), id) {
				return map[string]any{field: "You do not have permission to link to this " + model}
			}
		}
	}
	return nil
}
