package fakeciso

import (
	"maps"
	"slices"
	"strings"
)

// declared are the filters of v3.20.8 by resource, as its OpenAPI document has
// them; id, search, ordering, limit and offset are everywhere.
var declared = map[string]string{
	"applied-controls":        "assets category compliance_assessments control_impact created_at__gte created_at__lt csf_function effort eta eta__gt eta__gte eta__lt eta__lte eta__month eta__year evidences filtering_labels findings findings_assessments folder genericcollection incidents is_assigned linked_models name objectives owner priority processings progress_field ref_id reference_control requirement_assessments risk_assessments risk_scenarios risk_scenarios_e security_exceptions stakeholders status to_review todo updated_at__gte updated_at__lt",
	"requirement-assessments": "applied_controls compliance_assessment compliance_assessment__assets__ref_id compliance_assessment__perimeter compliance_assessment__perimeter__name compliance_assessment__ref_id created_at__gte created_at__lt evidences extended_result folder folder__name requirement__assessable requirement__urn result security_exceptions updated_at__gte updated_at__lt",
	"evidences":               "applied_controls contracts created_at__gte created_at__lt data_breaches expiry_date filtering_labels findings findings_assessments folder genericcollection name owner processings requirement_assessments security_exceptions status timeline_entries updated_at__gte updated_at__lt",
	"evidence-revisions":      "evidence",
	"folders":                 "content_type filtering_labels name owned owner parent_folder",
	"compliance-assessments":  "assets authors campaign ebios_rm_studies evidences folder framework genericcollection name perimeter ref_id reviewers status",
	"requirement-nodes":       "framework urn",
	"frameworks":              "folder",
}

// undeclared were not there yet in v3.14.0; these were then.
var (
	undeclared = map[string]string{
		"applied-controls":        "created_at__gte created_at__lt incidents linked_models updated_at__gte updated_at__lt",
		"requirement-assessments": "created_at__gte created_at__lt requirement__urn updated_at__gte updated_at__lt",
		"evidences":               "created_at__gte created_at__lt data_breaches security_exceptions updated_at__gte updated_at__lt",
	}
	formerly = map[string]string{"requirement-assessments": "requirement__ref_id", "compliance-assessments": "extended_result_enabled"}
)

// tables are the filters by version and resource; nothing else is looked at.
var tables = func() map[bool]map[string]map[string]filterSpec {
	all := map[bool]map[string]map[string]filterSpec{false: {}, true: {}}
	for resource, names := range declared {
		for _, old := range []bool{false, true} {
			if old {
				names = without(names, undeclared[resource]) + " " + formerly[resource]
			}
			table := map[string]filterSpec{"id": {match: byID, check: checkIDs}}
			for _, name := range strings.Fields(names) {
				table[name] = filterOf(resource, name)
			}
			all[old][resource] = table
		}
	}
	return all
}()

// choices are the values of filters by choice; -- is null.
var choices = map[string][]string{
	"applied-controls.status":                 {"to_do", "in_progress", "on_hold", "active", "degraded", "deprecated", "--"},
	"applied-controls.priority":               {"1", "2", "3", "4", "--"},
	"applied-controls.effort":                 {"XS", "S", "M", "L", "XL", "--"},
	"applied-controls.category":               {"policy", "process", "technical", "physical", "procedure", "--"},
	"applied-controls.csf_function":           {"govern", "identify", "protect", "detect", "respond", "recover", "--"},
	"applied-controls.control_impact":         {"1", "2", "3", "4", "5", "--"},
	"requirement-assessments.result":          {"not_assessed", "partially_compliant", "non_compliant", "compliant", "not_applicable"},
	"requirement-assessments.extended_result": {"major_nonconformity", "minor_nonconformity", "observation_sensitive_point", "opportunity_for_improvement", "good_practice"},
	"evidences.status":                        {"draft", "missing", "in_review", "approved", "rejected", "expired"},
	"compliance-assessments.status":           {"planned", "in_progress", "in_review", "done", "deprecated"},
	"folders.content_type":                    {"GL", "DO", "EN"},
}

// single are the fields that hold one id.
var single = map[string]string{
	"folder": "folders", "evidence": "evidences", "framework": "frameworks", "compliance_assessment": "compliance-assessments",
	"parent_folder": "folders", "perimeter": "perimeters", "campaign": "campaigns", "reference_control": "reference-controls",
}

func filterOf(resource, name string) filterSpec {
	field, op, _ := strings.Cut(name, "__")
	far, isFar := farFilter(name)
	values, isChoice := choices[resource+"."+name]
	switch {
	case isFar:
		return far
	case resource == "folders" && name == "content_type":
		return folderTypes()
	case isChoice:
		return choiceFilter(name, values...)
	case single[name] != "":
		return related(name, single[name])
	case manyToMany[name] != "":
		return member(name, manyToMany[name])
	case name == "eta", name == "expiry_date":
		return filterSpec{match: byText(name), check: checkDate}
	case op == "gte", op == "gt", op == "lte", op == "lt":
		return rangeFilter(field, op)
	case name == "todo":
		return boolFilter(func(_ *call, o *object) bool { return o.fields["status"] == "to_do" })
	case name == "is_assigned", name == "to_review", name == "owned", name == "extended_result_enabled":
		return boolFilter(func(*call, *object) bool { return false })
	case name == "name", name == "ref_id", name == "urn", name == "progress_field":
		return textFilter(name)
	}
	return member(name, name) // of kinds that are not stood in for: there are none
}

// folderTypes filters by the short names of content types.
func folderTypes() filterSpec {
	long := map[string]string{"GL": "GLOBAL", "DO": "DOMAIN", "EN": "ENCLAVE"}
	f := choiceFilter("content_type", choices["folders.content_type"]...)
	f.match = func(_ *call, o *object, values []string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return long[v] == o.fields["content_type"] })
	}
	return f
}

// openAPI answers the part of the schema that lists the filters.
func (c *call) openAPI() {
	paths := map[string]any{}
	for resource, table := range tables[c.cfg.Old] {
		var parameters []any
		names := append(slices.Sorted(maps.Keys(table)), "limit", "offset", "ordering", "search")
		for _, name := range names {
			parameters = append(parameters, map[string]any{"in": "query", "name": name, "schema": map[string]any{"type": "string"}})
		}
		paths["/api/"+resource+"/"] = map[string]any{"get": map[string]any{"parameters": parameters}}
	}
	c.json(200, map[string]any{"openapi": "3.0.3", "paths": paths})
}
