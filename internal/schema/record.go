package schema

import "dispatcher/jobs"

// errorRecord describes a record on the errors topic. Members may be added to
// it.
func errorRecord() Document {
	return Document{
		"type":     "object",
		"required": []string{"message", "error", "job_id", "class", "code", "attempts", "failed_at"},
		"properties": Document{
			"message": original(),
			"error":   Document{"type": "string", "description": "why, in one line"},
			"job_id":  Document{"type": "string"},
			"class":   Document{"enum": []jobs.Class{jobs.ClassPermanent, jobs.ClassExhausted}},
			"code":    Document{"enum": jobs.Codes()},
			"attempts": Document{
				"type": "integer", "minimum": 0, "description": "all of them, over retries too",
			},
			"http_status": Document{"type": "integer", "minimum": 100, "maximum": 599, "description": "of the API's answer that decided"},
			"failed_at":   when("the same in a repeat of the same failure"),
			"source":      source(),
		},
	}
}

// resultRecord describes a record on the results topic. Members may be added
// to it.
func resultRecord() Document {
	return Document{
		"type":     "object",
		"required": []string{"message", "job_id", "attempts", "finished_at", "objects"},
		"properties": Document{
			"message":     original(),
			"job_id":      Document{"type": "string"},
			"attempts":    Document{"type": "integer", "minimum": 0, "description": "all of them, over retries too"},
			"finished_at": when("when it succeeded"),
			"objects":     Document{"type": "array", "items": Document{"type": "string"}, "description": "ids of what was written"},
			"source":      source(),
		},
	}
}

func original() Document {
	return Document{"description": `the original; a string if it was not JSON, {"base64": "…"} if not UTF-8; what does not fit is {"omitted": {"size", "sha256", "begin"}}`}
}

// source is where the message came from; a submitted one has none.
func source() Document {
	return Document{
		"type":     "object",
		"required": []string{"topic", "partition", "offset"},
		"properties": Document{
			"topic":     Document{"type": "string"},
			"partition": Document{"type": "integer", "minimum": 0},
			"offset":    Document{"type": "integer", "minimum": 0},
			"timestamp": when("of the record"),
			"key":       Document{"type": "string", "description": `as text, or "base64:…"`},
		},
	}
}

func when(description string) Document {
	return Document{"type": "string", "format": "date-time", "description": description}
}
