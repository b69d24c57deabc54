package schema

import (
	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// updateMessage describes an update of fields. Which fields are writable, and
// with what, is the API's business.
func updateMessage(name string) Document {
	resource, example := ciso.AppliedControls, Document{
		"message_type": name, "selector": Document{"ref_id": "foo"}, "values": Document{"priority": "1"},
	}
	if name == jobs.TypeUpdateRequirementAssessment {
		resource, example = ciso.RequirementAssessments, Document{
			"message_type": name, "values": Document{"result": "compliant"},
			"selector": Document{"compliance_assessment__ref_id": "ISO_001", "requirement__ref_id": "A.5.1"},
		}
	}
	d := message(name, []string{"message_type", "selector", "values"}, selector(resource), Document{
		"type":          "object",
		"minProperties": 1,
		"description":   "fields and their new values; a list replaces the whole list",
		// The API would take a list of one empty element for an empty one.
		"additionalProperties": Document{"not": Document{"type": "array", "contains": Document{"anyOf": []Document{
			{"type": "null"}, {"type": "string", "pattern": `^\s*$`},
		}}}},
	})
	d["examples"] = []Document{example}
	return d
}
