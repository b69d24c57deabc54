package fakeciso

import (
	"maps"
	"strings"
)

// defaults are the fields of a new object. Those that are not named here are
// null.
func defaults(kind string) map[string]any {
	m := map[string]any{"is_published": true}
	for _, name := range strings.Fields(emptyLists[kind]) {
		m[name] = []any{}
	}
	if f := firstValues[kind]; f != nil {
		maps.Copy(m, f())
	}
	return m
}

var emptyLists = map[string]string{
	"applied-controls":        "findings requirement_assessments stakeholders task_templates incidents filtering_labels evidences assets owner security_exceptions objectives",
	"requirement-assessments": "evidences applied_controls security_exceptions",
	"evidences":               "applied_controls requirement_assessments findings findings_assessments security_exceptions timeline_entries contracts genericcollection owner filtering_labels",
	"compliance-assessments":  "genericcollection selected_implementation_groups reviewers authors assets evidences",
	"requirement-nodes":       "reference_controls threats implementation_groups",
	"folders":                 "filtering_labels",
	"frameworks":              "reference_controls outcomes_definition implementation_groups_definition",
}

var firstValues = map[string]func() map[string]any{
	"applied-controls": func() map[string]any {
		nothing := map[string]any{"fixed_cost": 0, "people_days": 0}
		return map[string]any{
			"status": "--", "progress_field": 0, "ref_id": "",
			"cost": map[string]any{"currency": "€", "amortization_period": 1, "build": nothing, "run": nothing},
		}
	},
	"requirement-assessments": func() map[string]any {
		return map[string]any{
			"is_published": false, "status": "to_do", "result": "not_assessed", "is_scored": false, "selected": true,
			"mapping_inference": map[string]any{}, "answers": map[string]any{},
		}
	},
	"evidences": func() map[string]any { return map[string]any{"status": "draft"} },
	"compliance-assessments": func() map[string]any {
		return map[string]any{
			"is_published": false, "is_locked": false, "status": "planned", "version": "1.0", "min_score": 0, "max_score": 100, "progress": 0,
			"field_visibility": visibility(), "score_calculation_method": "average", "anchor_na_to_target": false, "auto_sync": false,
		}
	},
	"requirement-nodes": func() map[string]any {
		return map[string]any{
			"assessable": true, "locale": "en", "default_locale": true, "weight": 1, "importance": "undefined", "display_mode": "default", "order_id": 0,
		}
	},
	"folders": func() map[string]any {
		return map[string]any{"content_type": "DOMAIN", "builtin": false, "create_iam_groups": true}
	},
	"frameworks": func() map[string]any {
		return map[string]any{
			"is_dynamic": false, "has_update": false, "has_compliance_assessments": true, "effective_field_visibility": visibility(),
			"locale": "en", "default_locale": true, "min_score": 0, "max_score": 100, "field_visibility": map[string]any{}, "urn_namespace": "custom",
		}
	},
}

// visibility says who sees which field of a requirement assessment.
func visibility() map[string]any {
	all := make(map[string]any)
	for field, auditor := range map[string]string{
		"score": "hidden", "is_scored": "hidden", "documentation_score": "hidden", "respondent_alignment": "hidden", "status": "edit", "extended_result": "edit",
	} {
		all[field] = map[string]any{"auditor": auditor, "respondent": "hidden"}
	}
	return all
}
