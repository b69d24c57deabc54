package anyjson

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Append appends the JSON text of a value that [Read] returned, members by name.
// A value of another type is written as encoding/json does.
func Append(text []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(text, "null"...), nil
	case bool:
		if v {
			return append(text, "true"...), nil
		}
		return append(text, "false"...), nil
	case string:
		text, _ = jsontext.AppendQuote(text, v) // the error is that it was not UTF-8, which is replaced
		return text, nil
	case []any:
		return appendList(text, v)
	case map[string]any:
		return appendObject(text, v)
	}
	raw, err := json.Marshal(value) // json.Number among them, which is checked
	if err != nil {
		return text, fmt.Errorf("write JSON: %w", err)
	}
	return append(text, raw...), nil
}

func appendList(text []byte, list []any) (_ []byte, err error) {
	if list == nil {
		return append(text, "null"...), nil
	}
	text = append(text, '[')
	for i, v := range list {
		if i > 0 {
			text = append(text, ',')
		}
		if text, err = Append(text, v); err != nil {
			return text, err
		}
	}
	return append(text, ']'), nil
}

// Names returns the names of an object's members, sorted.
func Names(object map[string]any) []string {
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func appendObject(text []byte, object map[string]any) (_ []byte, err error) {
	if object == nil {
		return append(text, "null"...), nil
	}
	text = append(text, '{')
	for i, name := range Names(object) {
		if i > 0 {
			text = append(text, ',')
		}
		text, _ = jsontext.AppendQuote(text, name)
		text = append(text, ':')
		if text, err = Append(text, object[name]); err != nil {
			return text, err
		}
	}
	return append(text, '}'), nil
}
