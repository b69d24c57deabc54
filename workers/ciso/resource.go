package ciso

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
	textKind kind = iota // repeated: the last one wins; so one value only
	idKind               // id of another object; repeated: any of them
	choiceKind
	ownID // the object's own id: comma separated
	otherKind
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
// (core/views.py at v3.20.8, the schema of v3.20.8 and of v3.14.0) and, for
// requirement assessments, requirement__ref_id, which is resolved here.
func filters(r Resource) map[string]filter {
	switch r {
	case AppliedControls:
		return with(hidden(
			"category", "csf_function", "effort", "control_impact"), hiddenIDs(
			"evidences", "owner", "assets", "findings", "incidents", "objectives", "stakeholders", "security_exceptions",
			"requirement_assessments", "risk_scenarios", "risk_scenarios_e", "filtering_labels", "processings",
			"genericcollection", "compliance_assessments", "risk_assessments", "findings_assessments"), hiddenText(
			"eta__lte", "eta__gte", "eta__lt", "eta__gt", "eta__month", "eta__year", "todo", "to_review", "is_assigned",
			"linked_models", "created_at__gte", "created_at__lt", "updated_at__gte", "updated_at__lt"),
			map[string]filter{
				"id":                {kind: ownID, sees: sameField("id"), light: true},
				"name":              {sees: sameField("name"), light: true},
				"ref_id":            {sees: sameField("ref_id"), light: true},
				"folder":            {kind: idKind, sees: sameRelated("folder"), light: true},
				"status":            {kind: choiceKind, sees: sameChoice("status")},
				"priority":          {kind: choiceKind, sees: samePriority},
				"eta":               {sees: sameField("eta")},
				"progress_field":    {sees: sameField("progress_field")},
				"reference_control": {kind: idKind, sees: sameRelated("reference_control")},
			})
	case RequirementAssessments:
		return with(hiddenIDs("evidences", "applied_controls", "security_exceptions"), hiddenText(
			"compliance_assessment__perimeter__name", "compliance_assessment__assets__ref_id",
			"created_at__gte", "created_at__lt", "updated_at__gte", "updated_at__lt"),
			map[string]filter{
				"id":                               {kind: ownID, sees: sameField("id")},
				"folder":                           {kind: idKind, sees: sameRelated("folder")},
				"folder__name":                     {sees: sameLabel("folder")},
				"compliance_assessment":            {kind: idKind, sees: sameRelated("compliance_assessment")},
				"compliance_assessment__ref_id":    {sees: always}, // by the audits' ids, see audits.go
				"compliance_assessment__perimeter": {kind: idKind, sees: sameRelated("perimeter")},
				"requirement__urn":                 {sees: sameInner("requirement", "urn")},
				"requirement__ref_id":              {sees: sameInner("requirement", "ref_id")},
				"requirement__assessable":          {sees: sameBool("assessable")},
				"result":                           {kind: choiceKind, sees: sameChoice("result")},
				"extended_result":                  {kind: choiceKind, sees: sameChoice("extended_result")},
			})
	case Evidences:
		return with(hidden("status"), hiddenIDs(
			"applied_controls", "requirement_assessments", "timeline_entries", "filtering_labels", "findings",
			"findings_assessments", "security_exceptions", "genericcollection", "owner", "contracts", "processings", "data_breaches"),
			hiddenText("created_at__gte", "created_at__lt", "updated_at__gte", "updated_at__lt"),
			map[string]filter{
				"id":          {kind: ownID, sees: sameField("id")},
				"name":        {sees: sameField("name")},
				"folder":      {kind: idKind, sees: sameRelated("folder")},
				"expiry_date": {sees: sameField("expiry_date")},
			})
	}
	return nil
}

func with(tables ...map[string]filter) map[string]filter {
	all := make(map[string]filter)
	for _, t := range tables {
		for name, f := range t {
			all[name] = f
		}
	}
	return all
}

func hidden(names ...string) map[string]filter     { return table(choiceKind, names) }
func hiddenIDs(names ...string) map[string]filter  { return table(idKind, names) }
func hiddenText(names ...string) map[string]filter { return table(otherKind, names) }

func table(k kind, names []string) map[string]filter {
	t := make(map[string]filter, len(names))
	for _, name := range names {
		t[name] = filter{kind: k}
	}
	return t
}
