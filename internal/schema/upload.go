package schema

import (
	"strings"
	"unicode"

	"dispatcher/jobs"
	"dispatcher/workers/attachment"
	"dispatcher/workers/ciso"
)

// uploadMessage describes an upload: exactly one of three sources, and a name
// whose extension the API takes.
func uploadMessage() Document {
	text := func(description string) Document {
		return Document{"type": []string{"string", "null"}, "description": description}
	}
	targets := func(resource ciso.Resource) Document {
		return Document{"anyOf": []Document{{"type": "null"}, selector(resource)}, "description": "objects to link the evidence to"}
	}
	content := text("the file in base64, standard or URL-safe")
	content["contentEncoding"] = "base64"
	content["pattern"] = `^[A-Za-z0-9+/_\-\s]*[=\s]*$`
	url := text("presigned GET URL, of an allowed origin")
	url["pattern"] = `^([hH][tT][tT][pP][sS]?://.*)?$`
	values := Document{
		"type":                 "object",
		"additionalProperties": false,
		"properties": Document{
			"file_name":               text("original name; without it the base name of file_s3_key"),
			"file_content":            content,
			"file_s3_bucket":          text("bucket of the file"),
			"file_s3_key":             text("its key; file_name by default"),
			"file_s3_url":             url,
			"applied_controls":        targets(ciso.AppliedControls),
			"requirement_assessments": targets(ciso.RequirementAssessments),
			"name":                    text("of the evidence, at most 200 characters; file_name by default"),
			"folder":                  text("of a new evidence: name, path or id"),
			"description":             text("of a new evidence"),
			"observation":             text("of the revision"),
		},
		"oneOf": []Document{given("file_content"), given("file_s3_bucket"), given("file_s3_url")},
		"allOf": []Document{
			{"if": given("file_s3_key"), "then": given("file_s3_bucket")},
			{"if": given("file_name"), "then": named("file_name"), "else": Document{"allOf": []Document{given("file_s3_key"), named("file_s3_key")}}},
		},
	}
	d := message(jobs.TypeUploadAttachment, []string{"message_type", "values"}, evidenceSelector(), values)
	d["examples"] = []Document{{
		"message_type": jobs.TypeUploadAttachment, "selector": Document{"name": "Sample evidence"},
		"values": Document{"applied_controls": Document{"ref_id": "foo"}, "file_s3_bucket": "my_bucket", "file_s3_key": "sample.jpeg"},
	}}
	return d
}

// given is a value that is there and not empty: null and "" count as absent.
func given(name string) Document {
	return Document{"required": []string{name}, "properties": Document{name: Document{"type": "string", "minLength": 1}}}
}

// named is a value that ends with an extension that the API takes.
func named(name string) Document {
	return Document{"properties": Document{name: Document{"pattern": `\.(` + strings.Join(anyCase(attachment.Extensions()), "|") + `)\s*$`}}}
}

// anyCase turns words into patterns that match them in any case.
func anyCase(words []string) (patterns []string) {
	for _, word := range words {
		var b strings.Builder
		for _, r := range word {
			if unicode.IsLetter(r) {
				b.WriteString("[" + string(r) + string(unicode.ToUpper(r)) + "]")
			} else {
				b.WriteRune(r)
			}
		}
		patterns = append(patterns, b.String())
	}
	return patterns
}
