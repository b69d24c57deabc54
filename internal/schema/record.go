package schema

import "dispatcher/jobs"

// errorRecord describes a record on the errors topic. Members may be added to
// it.
func errorRecord() Document {
	when := func(description string) Document {
		return Document{"type": "string", "format": "date-time", "description": description}
	}
	return Document{
		"type":     "object",
		"required": []string{"message", "error", "job_id", "class", "code", "attempts", "failed_at"},
		"properties": Document{
			"message": Document{"description": `the original; a string if it was not JSON, {"base64": "…"} if not UTF-8; what does not fit is {"omitted": {"size", "sha256", "begin"}}`},
			"error":   Document{"type": "string", "description": "why, in one line"},
			"job_id":  Document{"type": "string"},
			"class":   Document{"enum": []jobs.Class{jobs.ClassPermanent, jobs.ClassExhausted}},
			"code":    Document{"enum": jobs.Codes()},
			"attempts": Document{
				"type": "integer", "minimum": 0, "description": "all of them, over retries too",
			},
			"http_status": Document{"type": "integer", "minimum": 100, "maximum": 599, "description": "of the API's answer that decided"},
			"failed_at":   when("the same in a repeat of the same failure"),
			"source": Document{
				"type":     "object",
				"required": []string{"topic", "partition", "offset"},
				"properties": Document{
					"topic":     Document{"type": "string"},
					"partition": Document{"type": "integer", "minimum": 0},
					"offset":    Document{"type": "integer", "minimum": 0},
					"timestamp": when("of the record"),
					"key":       Document{"type": "string", "description": `as text, or "base64:…"`},
				},
			},
		},
	}
}
