package fakeciso

import (
	"fmt"
	"maps"
)

// Choices are shown by name in reads.
var (
	priorities   = map[int]string{1: "P1", 2: "P2", 3: "P3", 4: "P4"}
	evidenceWord = map[any]string{
		"draft": "Draft", "missing": "Missing", "in_review": "In review", "approved": "Approved", "rejected": "Rejected", "expired": "Expired",
	}
)

func controlRow(c *call, o *object, row map[string]any) {
	if p, ok := o.fields["priority"].(int); ok {
		row["priority"] = priorities[p]
	}
	row["reference_control"] = c.ref("reference-controls", o.fields["reference_control"])
	maps.Copy(row, map[string]any{
		"annual_cost": "0.00", "currency": "€", "annual_cost_display": "", "ranking_score": 0, "findings_count": 0,
		"is_assigned": false, "linked_models": []any{},
	})
}

func evidenceRow(c *call, o *object, row map[string]any) {
	row["status"] = evidenceWord[o.fields["status"]]
	r := c.newest(o.id)
	row["attachment"], row["size"] = slashed(r.name()), c.size(r.name())
	row["is_published"] = true
}

func revisionRow(c *call, o *object, row map[string]any) {
	row["evidence"] = c.ref("evidences", o.fields["evidence"])
	row["size"] = c.size(stored(o.fields["attachment"]))
	if e := c.objects["evidences"][fmt.Sprint(o.fields["evidence"])]; e != nil {
		row["str"] = fmt.Sprintf("%v v%v", e.fields["name"], o.fields["version"])
	}
}

// requirementRow adds the related objects that reads spell out.
func requirementRow(c *call, o *object, row map[string]any) {
	ca := c.objects["compliance-assessments"][fmt.Sprint(o.fields["compliance_assessment"])]
	if ca != nil {
		row["compliance_assessment"] = c.auditOf(ca)
		row["perimeter"] = c.ref("perimeters", ca.fields["perimeter"])
		row["is_locked"] = ca.fields["is_locked"]
	}
	node := c.objects["requirement-nodes"][fmt.Sprint(o.fields["requirement"])]
	if node != nil {
		row["name"], row["description"], row["assessable"] = nodeName(node), node.fields["description"], node.fields["assessable"]
		row["requirement"] = c.nodeOf(node)
	}
	row["answers"] = map[string]any{}
}

// auditOf is the audit within a requirement assessment.
func (c *call) auditOf(ca *object) map[string]any {
	f := ca.fields
	framework := map[string]any{"str": nil, "implementation_groups_definition": nil}
	if fw := c.objects["frameworks"][fmt.Sprint(f["framework"])]; fw != nil {
		framework["str"], framework["implementation_groups_definition"] = str(fw), fw.fields["implementation_groups_definition"]
	}
	audit := map[string]any{
		"str": f["name"], "id": ca.id, "name": f["name"], "is_locked": f["is_locked"], "min_score": f["min_score"], "max_score": f["max_score"],
		"progress_status_enabled": true, "extended_result_enabled": !c.cfg.Old, "framework": framework,
	}
	if !c.cfg.Old {
		framework["field_visibility"] = map[string]any{}
		for _, name := range []string{"scores_definition", "score_calculation_method", "field_visibility"} {
			audit[name] = f[name]
		}
	}
	return audit
}

// nodeOf is the requirement within a requirement assessment.
func (c *call) nodeOf(node *object) map[string]any {
	names := []string{"id", "urn", "annotation", "name", "description", "typical_evidence", "ref_id", "questions", "implementation_groups"}
	if !c.cfg.Old {
		names = append(names, "display_mode", "min_score", "max_score", "scores_definition_ref", "weight")
	}
	out := map[string]any{"associated_threats": []any{}, "parent_requirement": nil}
	for _, name := range names {
		out[name] = node.fields[name]
	}
	controls := []any{}
	for _, id := range asList(node.fields["reference_controls"]) {
		if rc := c.objects["reference-controls"][fmt.Sprint(id)]; rc != nil {
			controls = append(controls, map[string]any{"str": rc.fields["long"], "urn": rc.fields["urn"], "id": rc.id})
		}
	}
	out["associated_reference_controls"] = controls
	if parent := c.parentOf(node); parent != nil {
		out["parent_requirement"] = map[string]any{
			"str": nodeName(parent), "urn": parent.fields["urn"], "id": parent.id, "ref_id": parent.fields["ref_id"],
			"name": parent.fields["name"], "description": parent.fields["description"],
		}
	}
	return out
}

func (c *call) parentOf(node *object) *object {
	urn, ok := node.fields["parent_urn"].(string)
	if !ok {
		return nil
	}
	if same := c.index["requirement-nodes"]["urn="+urn]; len(same) > 0 {
		return same[0]
	}
	return nil
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}
