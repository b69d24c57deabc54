package fakeciso

import "strings"

// rowFields are the fields of list rows, as v3.20.8 has them; oldRowFields those
// of v3.14.0 where they differ. A row never has another one.
var rowFields = map[string]string{
	"applied-controls":        "assets category control_impact cost created_at csf_function description effort eta expiry_date filtering_labels folder id is_assigned link linked_models name observation owner priority progress_field ref_id reference_control start_date status updated_at",
	"requirement-assessments": "answers applied_controls assessable compliance_assessment created_at description due_date effective_max_score effective_min_score effective_scores_definition eta evidences extended_result folder id is_locked is_published mapping_inference name observation perimeter requirement result security_exceptions selected status target_score updated_at",
	"compliance-assessments":  "computed_outcome created_at description due_date eta folder framework id is_locked name path perimeter progress ref_id status updated_at version",
	"evidences":               "applied_controls attachment contracts created_at description expiry_date filtering_labels folder id is_published link name owner path requirement_assessments security_exceptions size status updated_at",
	"evidence-revisions":      "attachment attachment_hash created_at evidence folder id is_published link observation size str task_node updated_at version",
	"folders":                 "builtin content_type create_iam_groups created_at description filtering_labels id is_published name parent_folder path updated_at",
	"requirement-nodes":       "annotation assessable created_at default_locale description display_long display_mode display_short folder framework id implementation_groups importance is_published locale max_score min_score name order_id parent_urn provider questions ref_id reference_controls scores_definition_ref target_score threats typical_evidence updated_at urn visibility_expression weight",
}

var oldRowFields = map[string]string{
	"applied-controls":        "annual_cost annual_cost_display assets category control_impact cost created_at csf_function currency description effort eta evidences expiry_date filtering_labels findings findings_count folder id is_assigned is_published link name objectives observation owner path priority progress_field ranking_score ref_id reference_control requirement_assessments security_exceptions stakeholders start_date state status task_templates updated_at",
	"requirement-assessments": "answers applied_controls assessable compliance_assessment created_at description documentation_score due_date eta evidences extended_result folder id is_locked is_published is_scored mapping_inference name observation perimeter requirement result score security_exceptions selected status updated_at",
	"compliance-assessments":  "created_at description folder framework id is_locked name path perimeter progress ref_id status updated_at version",
}

// trim drops the fields that a list row does not have.
func (c *call) trim(kind string, row map[string]any) map[string]any {
	fields, ok := rowFields[kind]
	if was, differs := oldRowFields[kind]; c.cfg.Old && differs {
		fields = was
	}
	if !ok {
		return row
	}
	known := make(map[string]bool)
	for _, name := range strings.Fields(fields) {
		known[name] = true
	}
	for name := range row {
		if !known[name] {
			delete(row, name)
		}
	}
	return row
}
