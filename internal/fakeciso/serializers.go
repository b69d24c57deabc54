package fakeciso

import "math"

// serializers are the fields of a resource that a write may set. Whatever else
// is sent is ignored.
var serializers = map[string]map[string]fieldFunc{
	"applied-controls": {
		"name": required(textField(200)), "ref_id": textField(100), "description": nullable(textField(0)), "observation": nullable(textField(0)),
		"link": nullable(textField(0)), "status": statusField("to_do", "in_progress", "on_hold", "active", "degraded", "deprecated", "--"),
		"priority": numberChoice(4), "control_impact": numberChoice(5), "effort": textChoice("XS", "S", "M", "L", "XL"),
		"category":     textChoice("policy", "process", "technical", "physical", "procedure"),
		"csf_function": textChoice("govern", "identify", "protect", "detect", "respond", "recover"),
		"eta":          dateField, "start_date": dateField, "expiry_date": dateField, "progress_field": intField(0, 100),
		"is_published": boolField, "folder": idField("folders"), "evidences": idsField("evidences"), "cost": anyField,
		"filtering_labels": labelsField, "owner": idsField("actors"), "assets": idsField("assets"), "objectives": idsField("organisation-objectives"),
		"security_exceptions": idsField("security-exceptions"),
	},
	"requirement-assessments": {
		"status":          raChoice("to_do", "in_progress", "in_review", "done"),
		"result":          raChoice("not_assessed", "partially_compliant", "non_compliant", "compliant", "not_applicable"),
		"extended_result": textChoice("major_nonconformity", "minor_nonconformity", "observation_sensitive_point", "opportunity_for_improvement", "good_practice"),
		"observation":     nullable(textField(0)), "is_scored": boolField, "selected": boolField,
		"score": nullable(intField(math.MinInt32, math.MaxInt32)), "documentation_score": nullable(intField(math.MinInt32, math.MaxInt32)),
		"respondent_alignment": textChoice("yes", "no", "in_progress", "not_applicable"),
		"eta":                  dateField, "due_date": dateField, "evidences": idsField("evidences"), "applied_controls": idsField("applied-controls"),
	},
	"evidences": {
		"name": required(textField(200)), "description": nullable(textField(0)), "folder": idField("folders"), "link": nullable(textField(0)),
		"status":      statusField("draft", "missing", "in_review", "approved", "rejected", "expired"),
		"expiry_date": dateField, "owner": idsField("actors"), "filtering_labels": labelsField,
		"applied_controls": idsField("applied-controls"), "requirement_assessments": idsField("requirement-assessments"),
	},
	"compliance-assessments": {"is_locked": boolField, "status": textChoice("planned", "in_progress", "in_review", "done")},
}
