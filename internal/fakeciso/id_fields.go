package fakeciso

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func idField(kind string) fieldFunc {
	return func(c *call, v any) (any, string) {
		s, _ := v.(string)
		if !uuid.MatchString(s) {
			return nil, "“" + python(v) + "” is not a valid UUID."
		}
		if c.objects[kind][s] == nil {
			return nil, fmt.Sprintf("Invalid pk %q - object does not exist.", s)
		}
		return s, ""
	}
}

// python is a value as Python prints it.
func python(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return fmt.Sprint(v)
	}
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, fmt.Sprintf("'%s': '%v'", key, m[key]))
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

// labelsField replaces the labels; texts that are no ids make new ones.
func labelsField(c *call, v any) (any, string) {
	list, ok := v.([]any)
	if !ok {
		return nil, `Expected a list of items but got type "str".`
	}
	clean := []any{}
	for _, item := range list {
		text := fmt.Sprint(item)
		if c.objects["filtering-labels"][text] == nil {
			text = c.insert("filtering-labels", map[string]any{"name": text, "str": text}).id
		}
		clean = append(clean, text)
	}
	return clean, ""
}

// idsField replaces a list of ids; one empty element clears it.
func idsField(kind string) fieldFunc {
	return func(c *call, v any) (any, string) {
		list, ok := v.([]any)
		if !ok {
			if v == nil {
				return nil, "This field may not be null."
			}
			return nil, fmt.Sprintf("Expected a list of items but got type %q.", "str")
		}
		if len(list) == 1 && (list[0] == nil || list[0] == "") {
			return []any{}, ""
		}
		clean := []any{}
		for _, item := range list {
			if item == nil {
				return nil, `Invalid pk "None" - object does not exist.`
			}
			id, problem := idField(kind)(c, item)
			if problem != "" {
				return nil, problem
			}
			if !slices.Contains(clean, id) {
				clean = append(clean, id)
			}
		}
		return clean, ""
	}
}
