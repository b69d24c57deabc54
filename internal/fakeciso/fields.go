package fakeciso

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fieldFunc cleans a value or says what is wrong with it.
type fieldFunc func(c *call, v any) (clean any, problem string)

// unchanged is the clean value that leaves a field as it is.
var unchanged = &struct{ int }{1}

// writable returns the fields of a resource that a PATCH may set.
func writable(kind string) map[string]fieldFunc {
	switch kind {
	case "applied-controls":
		return map[string]fieldFunc{
			"name": required(textField(200)), "ref_id": textField(100), "description": nullable(textField(0)), "observation": nullable(textField(0)),
			"link": nullable(textField(0)), "status": statusField("to_do", "in_progress", "on_hold", "active", "degraded", "deprecated", "--"),
			"priority": numberChoice(4), "control_impact": numberChoice(5), "effort": textChoice("XS", "S", "M", "L", "XL"),
			"category":     textChoice("policy", "process", "technical", "physical", "procedure"),
			"csf_function": textChoice("govern", "identify", "protect", "detect", "respond", "recover"),
			"eta":          dateField, "start_date": dateField, "expiry_date": dateField, "progress_field": intField(0, 100),
			"is_published": boolField, "folder": idField("folders"), "evidences": idsField("evidences"), "cost": anyField,
			"filtering_labels": labelsField, "owner": idsField("actors"), "assets": idsField("assets"), "objectives": idsField("organisation-objectives"),
			"security_exceptions": idsField("security-exceptions"),
		}
	case "requirement-assessments":
		return map[string]fieldFunc{
			"status":          raChoice("to_do", "in_progress", "in_review", "done"),
			"result":          raChoice("not_assessed", "partially_compliant", "non_compliant", "compliant", "not_applicable"),
			"extended_result": textChoice("major_nonconformity", "minor_nonconformity", "observation_sensitive_point", "opportunity_for_improvement", "good_practice"),
			"observation":     nullable(textField(0)), "is_scored": boolField, "selected": boolField,
			"score": nullable(intField(math.MinInt32, math.MaxInt32)), "documentation_score": nullable(intField(math.MinInt32, math.MaxInt32)),
			"respondent_alignment": textChoice("yes", "no", "in_progress", "not_applicable"),
			"eta":                  dateField, "due_date": dateField, "evidences": idsField("evidences"), "applied_controls": idsField("applied-controls"),
		}
	case "evidences":
		return map[string]fieldFunc{
			"name": required(textField(200)), "description": nullable(textField(0)), "folder": idField("folders"), "link": nullable(textField(0)),
			"status":      statusField("draft", "missing", "in_review", "approved", "rejected", "expired"),
			"expiry_date": dateField, "owner": idsField("actors"), "filtering_labels": labelsField,
			"applied_controls": idsField("applied-controls"), "requirement_assessments": idsField("requirement-assessments"),
		}
	case "compliance-assessments":
		return map[string]fieldFunc{"is_locked": boolField, "status": textChoice("planned", "in_progress", "in_review", "done")}
	}
	return nil
}

func textField(maxLen int) fieldFunc {
	return func(_ *call, v any) (any, string) {
		var s string
		switch v := v.(type) {
		case string:
			s = strings.TrimSpace(v)
		case json.Number:
			s = v.String()
		case nil:
			return nil, "This field may not be null."
		default:
			return nil, "Not a valid string."
		}
		if strings.ContainsRune(s, 0) {
			return nil, "Null characters are not allowed."
		}
		if maxLen > 0 && utf8.RuneCountInString(s) > maxLen {
			return nil, fmt.Sprintf("Ensure this field has no more than %d characters.", maxLen)
		}
		return s, ""
	}
}

func required(f fieldFunc) fieldFunc {
	return func(c *call, v any) (any, string) {
		clean, problem := f(c, v)
		if clean == "" {
			return nil, "This field may not be blank."
		}
		return clean, problem
	}
}

func nullable(f fieldFunc) fieldFunc {
	return func(c *call, v any) (any, string) {
		if v == nil {
			return nil, ""
		}
		return f(c, v)
	}
}

func choice(v any, allowed []string) (any, string) {
	if s, ok := v.(string); ok && slices.Contains(allowed, s) {
		return s, ""
	}
	return nil, notAChoice(v)
}

func notAChoice(v any) string { return fmt.Sprintf("\"%v\" is not a valid choice.", v) }

// statusField stores an empty text as it is.
func statusField(allowed ...string) fieldFunc {
	return func(_ *call, v any) (any, string) {
		switch v {
		case nil:
			return nil, "This field may not be null."
		case "":
			return "", ""
		}
		return choice(v, allowed)
	}
}

// raChoice takes an empty text for no change.
func raChoice(allowed ...string) fieldFunc {
	return func(_ *call, v any) (any, string) {
		switch v {
		case nil:
			return nil, "This field may not be null."
		case "":
			return unchanged, ""
		}
		return choice(v, allowed)
	}
}

func textChoice(allowed ...string) fieldFunc {
	return func(_ *call, v any) (any, string) {
		if v == nil {
			return nil, ""
		}
		return choice(v, allowed)
	}
}

// numberChoice takes 1…n, also as text.
func numberChoice(n int) fieldFunc {
	return func(_ *call, v any) (any, string) {
		if v == nil {
			return nil, ""
		}
		if i, err := strconv.Atoi(fmt.Sprint(v)); err == nil && i >= 1 && i <= n {
			return i, ""
		}
		return nil, notAChoice(v)
	}
}

var wholeNumber = regexp.MustCompile(`^(-?\d+)(\.0*)?$`)

func intField(low, high int) fieldFunc {
	return func(_ *call, v any) (any, string) {
		m := wholeNumber.FindStringSubmatch(fmt.Sprint(v))
		if m == nil {
			return nil, "A valid integer is required."
		}
		i, err := strconv.Atoi(m[1])
		switch {
		case err != nil:
			return nil, "A valid integer is required."
		case i < low:
			return nil, fmt.Sprintf("Ensure this value is greater than or equal to %d.", low)
		case i > high:
			return nil, fmt.Sprintf("Ensure this value is less than or equal to %d.", high)
		}
		return i, ""
	}
}

var datePattern = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

func dateField(_ *call, v any) (any, string) {
	if v == nil {
		return nil, ""
	}
	if s, ok := v.(string); ok && datePattern.MatchString(s) {
		return s, ""
	}
	return nil, "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."
}

func boolField(_ *call, v any) (any, string) {
	switch v {
	case true, "true", "True", "1", json.Number("1"):
		return true, ""
	case false, "false", "False", "0", json.Number("0"):
		return false, ""
	}
	return nil, "Must be a valid boolean."
}

func anyField(_ *call, v any) (any, string) { return v, "" }

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
