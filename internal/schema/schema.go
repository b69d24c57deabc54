package schema

import "dispatcher/jobs"

// Document is a JSON Schema.
type Document map[string]any

// Names of the schemas of records that the dispatcher sends.
const (
	ErrorRecord  = "errors"
	ResultRecord = "results"
)

// Names returns the names of all schemas: the message types, [ErrorRecord] and
// [ResultRecord].
func Names() []string { return append(jobs.Types(), ErrorRecord, ResultRecord) }

// Of returns the schema of a name; ok is false if there is none.
func Of(name string) (d Document, ok bool) {
	switch name {
	case jobs.TypeUpdateAppliedControl, jobs.TypeUpdateRequirementAssessment:
		d = updateMessage(name)
	case jobs.TypeUploadAttachment:
		d = uploadMessage()
	case ErrorRecord:
		d = errorRecord()
	case ResultRecord:
		d = resultRecord()
	default:
		return nil, false
	}
	d["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	d["title"] = name
	return d, true
}

// message is what all message types have in common. Other members are ignored.
func message(name string, required []string, selector, values Document) Document {
	return Document{
		"type":     "object",
		"required": required,
		"properties": Document{
			"message_type": Document{"const": name},
			"version":      Document{"enum": []any{1, nil}, "description": "of this format; 1 if absent"},
			"selector":     selector,
			"values":       values,
		},
	}
}
