package ciso

import "strings"

// Resource is a kind of object, by its name in the API's paths.
type Resource string

const (
	AppliedControls        Resource = "applied-controls"
	RequirementAssessments Resource = "requirement-assessments"
	Evidences              Resource = "evidences"
)

// kind is what a filter takes.
type kind uint8

const (
	textKind   kind = iota // repeated: the last one wins; so one value only
	idKind                 // id of another object; repeated: any of them
	choiceKind             // repeated: any of them
	ownID                  // the object's own id: comma separated
	boolKind               // anything but the API's six spellings is ignored by it
	dateKind
)

// filter is one selector key of a resource.
type filter struct {
	kind kind
	// sees reports whether a row of the list shows the value; nil: it cannot be
	// seen, so the key is accepted only if the server's OpenAPI lists it.
	sees func(row row, value string) bool
	// light: also visible in the rows of autocomplete/.
	light bool
}

// filters returns the selector keys of a resource: those the API filters by
// (core/views.py at v3.20.8, the schemas of v3.20.8 and of v3.14.0) and, for
// requirement assessments, requirement__ref_id, which is resolved here.
func filters(r Resource) map[string]filter {
	switch r {
	case AppliedControls:
		return controlFilters()
	case RequirementAssessments:
		return assessmentFilters()
	case Evidences:
		return evidenceFilters()
	}
	return nil
}

// Words that people see, where they are not the value in other letters.
func priorityWords() map[string]string {
	return map[string]string{"1": "P1", "2": "P2", "3": "P3", "4": "P4"}
}

func effortWords() map[string]string {
	return map[string]string{"XS": "Extra Small", "S": "Small", "M": "Medium", "L": "Large", "XL": "Extra Large"}
}

func impactWords() map[string]string {
	return map[string]string{"1": "Very Low", "2": "Low", "3": "Medium", "4": "High", "5": "Very High"}
}

func controlFilters() map[string]filter {
	all := map[string]filter{
		"id":                {kind: ownID, sees: sameOwnID, light: true},
		"name":              {sees: sameField("name"), light: true},
		"ref_id":            {sees: sameField("ref_id"), light: true},
		"folder":            {kind: idKind, sees: sameRelated("folder"), light: true},
		"status":            {kind: choiceKind, sees: sameField("status")},
		"priority":          {kind: choiceKind, sees: sameChoice("priority", priorityWords())},
		"category":          {kind: choiceKind, sees: sameChoice("category", nil)},
		"csf_function":      {kind: choiceKind, sees: sameChoice("csf_function", nil)},
		"effort":            {kind: choiceKind, sees: sameChoice("effort", effortWords())},
		"control_impact":    {kind: choiceKind, sees: sameChoice("control_impact", impactWords())},
		"progress_field":    {sees: sameField("progress_field")},
		"reference_control": {kind: idKind, sees: sameRelated("reference_control")},
		"eta":               {kind: dateKind, sees: sameField("eta")},
		"eta__lt":           {kind: dateKind, sees: before("eta")},
		"eta__gt":           {kind: dateKind, sees: after("eta")},
		"eta__lte":          {kind: dateKind, sees: either(before("eta"), sameField("eta"))},
		"eta__gte":          {kind: dateKind, sees: either(after("eta"), sameField("eta"))},
		"is_assigned":       {kind: boolKind, sees: sameBool("is_assigned")},
	}
	hidden(all, idKind, "evidences", "owner", "assets", "findings", "incidents", "objectives", "stakeholders",
		"security_exceptions", "requirement_assessments", "risk_scenarios", "risk_scenarios_e", "filtering_labels",
		"processings", "genericcollection", "compliance_assessments", "risk_assessments", "findings_assessments")
	hidden(all, boolKind, "todo", "to_review")
	hidden(all, textKind, "eta__month", "eta__year", "linked_models")
	times(all)
	return all
}

func assessmentFilters() map[string]filter {
	all := map[string]filter{
		"id":                                     {kind: ownID, sees: sameOwnID},
		"folder":                                 {kind: idKind, sees: sameRelated("folder")},
		"folder__name":                           {sees: sameLabel("folder")},
		"compliance_assessment":                  {kind: idKind, sees: sameRelated("compliance_assessment")},
		"compliance_assessment__ref_id":          {sees: always}, // by the audits' ids, see audits.go
		"compliance_assessment__perimeter":       {kind: idKind, sees: sameRelated("perimeter")},
		"compliance_assessment__perimeter__name": {sees: sameLastLabel("perimeter")},
		"requirement__urn":                       {sees: sameInner("requirement", "urn")},
		"requirement__ref_id":                    {sees: sameInner("requirement", "ref_id")},
		"requirement__assessable":                {kind: boolKind, sees: sameBool("assessable")},
		"result":                                 {kind: choiceKind, sees: sameChoice("result", nil)},
		"extended_result":                        {kind: choiceKind, sees: sameChoice("extended_result", nil)},
	}
	hidden(all, idKind, "evidences", "applied_controls", "security_exceptions")
	hidden(all, textKind, "compliance_assessment__assets__ref_id")
	times(all)
	return all
}

func evidenceFilters() map[string]filter {
	all := map[string]filter{
		"id":          {kind: ownID, sees: sameOwnID},
		"name":        {sees: sameField("name")},
		"folder":      {kind: idKind, sees: sameRelated("folder")},
		"status":      {kind: choiceKind, sees: sameChoice("status", nil)},
		"expiry_date": {kind: dateKind, sees: sameField("expiry_date")},
	}
	hidden(all, idKind, "applied_controls", "requirement_assessments", "timeline_entries", "filtering_labels", "findings",
		"findings_assessments", "security_exceptions", "genericcollection", "owner", "contracts", "processings", "data_breaches")
	times(all)
	return all
}

// hidden adds keys whose effect no row shows: relations are left out of light
// rows or masked, derived ones are computed.
func hidden(all map[string]filter, k kind, names ...string) {
	for _, name := range names {
		all[name] = filter{kind: k}
	}
}

func times(all map[string]filter) {
	hidden(all, textKind, "created_at__gte", "created_at__lt", "updated_at__gte", "updated_at__lt")
}

// member returns the member of a row that shows what a key selects by.
func member(key string) string {
	switch key {
	case "compliance_assessment__perimeter", "compliance_assessment__perimeter__name":
		return "perimeter"
	case "requirement__assessable":
		return "assessable"
	}
	name, _, _ := strings.Cut(key, "__")
	return name
}
