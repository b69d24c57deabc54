package schema

import "dispatcher/workers/ciso"

// someText is a text with something in it, and nothing that the API refuses.
const someText = `^[^\x00]*[^\s\x00][^\x00]*$`

// selector describes which objects a message means. A target alone selects
// nothing.
func selector(resource ciso.Resource) Document {
	return Document{
		"type":                 "object",
		"properties":           keys(resource),
		"additionalProperties": false,
		"not":                  Document{"propertyNames": Document{"const": "target"}},
	}
}

// evidenceSelector may be absent or empty; ref_id, which evidence has not, may
// stand beside another key.
func evidenceSelector() Document {
	properties := keys(ciso.Evidences)
	properties["ref_id"] = Document{"description": "ignored: evidence has none"}
	return Document{
		"type":                 []string{"object", "null"},
		"properties":           properties,
		"additionalProperties": false,
		"anyOf": []Document{
			{"maxProperties": 0},
			{"not": Document{"propertyNames": Document{"enum": []string{"target", "ref_id"}}}},
		},
	}
}

func keys(resource ciso.Resource) Document {
	properties := Document{"target": Document{
		"enum": []any{"single", "multiple", nil}, "description": "single, the default: exactly one object; multiple: one or more",
	}}
	for name, key := range ciso.Keys(resource) {
		value := one(key)
		if key.Many {
			value = Document{"anyOf": []Document{one(key), {"type": "array", "minItems": 1, "items": one(key)}}}
		}
		if key.Hidden {
			value["description"] = "accepted only if the connected server's OpenAPI document lists it"
		}
		properties[name] = value
	}
	return properties
}

// one is a single value of a key.
func one(key ciso.Key) Document {
	switch {
	case key.Bool:
		values := []any{true, false, 1, 0}
		for _, text := range ciso.BoolSpellings() {
			values = append(values, text)
		}
		return Document{"enum": values}
	case key.Own:
		return Document{"type": []string{"string", "number", "boolean"}, "pattern": `^[^\x00,]*[^\s\x00,][^\x00,]*$`}
	}
	return Document{"type": []string{"string", "number", "boolean"}, "pattern": someText}
}
