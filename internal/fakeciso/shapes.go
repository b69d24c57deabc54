package fakeciso

import "strings"

// shape is what answers of a resource hold, and nothing else.
type shape struct {
	write  string // PATCH, POST and /object/: plain ids and raw choices
	list   string // rows of lists; "" as write
	detail string // one object; "" as list
}

// shapes are those of v3.20.8.
var shapes = map[string]shape{
	"applied-controls": {
		write:  "id findings requirement_assessments stakeholders task_templates incidents cost created_at updated_at name description priority ref_id category csf_function status start_date eta expiry_date link effort control_impact progress_field is_published observation folder reference_control filtering_labels evidences assets owner security_exceptions objectives",
		list:   "id ref_id name description link status priority category csf_function control_impact effort eta start_date expiry_date progress_field cost observation folder reference_control owner filtering_labels assets is_assigned linked_models created_at updated_at",
		detail: "id findings requirement_assessments stakeholders task_templates incidents cost path folder reference_control priority category csf_function evidences objectives effort control_impact annual_cost currency annual_cost_display filtering_labels assets ranking_score owner security_exceptions state findings_count is_assigned linked_models created_at updated_at name description ref_id status start_date eta expiry_date link progress_field is_published observation",
	},
	"requirement-assessments": {
		write: "id requirement is_published eta due_date status result extended_result is_scored score documentation_score target_score observation respondent_alignment selected mapping_inference folder compliance_assessment evidences applied_controls security_exceptions",
		// score, documentation_score, is_scored and respondent_alignment are hidden (core/utils.py).
		list: "id name description evidences compliance_assessment folder perimeter assessable requirement security_exceptions is_locked applied_controls answers effective_min_score effective_max_score effective_scores_definition created_at updated_at is_published eta due_date status result extended_result target_score observation selected mapping_inference",
	},
	"evidences": {
		write: "id applied_controls requirement_assessments findings findings_assessments security_exceptions timeline_entries contracts genericcollection owner created_at updated_at name description status expiry_date folder filtering_labels link attachment",
		list:  "id path attachment size folder applied_controls requirement_assessments security_exceptions contracts filtering_labels owner status link created_at updated_at name description is_published expiry_date",
	},
	"evidence-revisions": {
		write: "id created_at updated_at is_published version attachment attachment_hash link observation folder evidence task_node",
		list:  "id attachment size evidence folder str task_node created_at updated_at is_published version attachment_hash link observation",
	},
	"compliance-assessments": {
		write: "id genericcollection created_at updated_at is_published name description eta due_date version status observation is_locked selected_implementation_groups ref_id min_score max_score scores_definition computed_outcome field_visibility score_calculation_method target_score anchor_na_to_target auto_sync folder perimeter framework campaign reviewers authors assets evidences",
		list:  "id ref_id name description version framework computed_outcome folder perimeter progress status is_locked eta due_date created_at updated_at path",
	},
	"requirement-nodes": {
		write: "id name description annotation reference_controls threats display_short display_long questions typical_evidence created_at updated_at is_published urn ref_id provider locale default_locale parent_urn order_id implementation_groups assessable weight importance display_mode visibility_expression min_score max_score scores_definition_ref target_score folder framework",
	},
	"folders": {
		write: "id path parent_folder filtering_labels content_type created_at updated_at is_published name description builtin create_iam_groups",
	},
	"frameworks": {
		write: "id name description annotation folder library reference_controls is_dynamic has_update has_compliance_assessments scores_definition effective_field_visibility implementation_groups_definition created_at updated_at is_published urn ref_id provider locale default_locale min_score max_score outcomes_definition field_visibility urn_namespace",
	},
}

// oldShapes are those of v3.14.0 where they differ.
var oldShapes = map[string]shape{
	"applied-controls": {
		write: without(shapes["applied-controls"].write, "incidents"),
		list:  without(shapes["applied-controls"].detail, "incidents linked_models"), // the heavy one, also for lists
	},
	"requirement-assessments": {
		write: without(shapes["requirement-assessments"].write, "target_score respondent_alignment") + " answers",
		list:  without(shapes["requirement-assessments"].list, "effective_min_score effective_max_score effective_scores_definition target_score") + " is_scored score documentation_score",
	},
	"evidences": {
		write: without(shapes["evidences"].write, "security_exceptions genericcollection"),
		list:  without(shapes["evidences"].list, "security_exceptions"),
	},
	"compliance-assessments": {
		write: shapes["compliance-assessments"].write,
		list:  without(shapes["compliance-assessments"].list, "computed_outcome eta due_date"),
	},
	"requirement-nodes": {
		write: without(shapes["requirement-nodes"].write, "display_mode visibility_expression min_score max_score scores_definition_ref target_score"),
	},
}

func without(fields, gone string) string {
	var kept []string
	for _, name := range strings.Fields(fields) {
		if !strings.Contains(" "+gone+" ", " "+name+" ") {
			kept = append(kept, name)
		}
	}
	return strings.Join(kept, " ")
}

// view is a representation of objects.
type view int

const (
	written view = iota
	inList
	detailed
)

// shown holds the fields by version, resource and view.
var shown = func() map[bool]map[string][3][]string {
	all := map[bool]map[string][3][]string{false: {}, true: {}}
	for kind, now := range shapes {
		for _, old := range []bool{false, true} {
			s := now
			if was, differs := oldShapes[kind]; old && differs {
				s = was
			}
			if s.list == "" {
				s.list = s.write
			}
			if s.detail == "" {
				s.detail = s.list
			}
			all[old][kind] = [3][]string{strings.Fields(s.write), strings.Fields(s.list), strings.Fields(s.detail)}
		}
	}
	return all
}()

// project returns the fields that a view shows; what the row lacks is null.
func (s *Server) project(kind string, v view, row map[string]any) map[string]any {
	out := make(map[string]any)
	for _, name := range shown[s.cfg.Old][kind][v] {
		out[name] = row[name]
	}
	return out
}
