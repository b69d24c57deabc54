package fakeciso

import (
	"encoding/json"
	"fmt"
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
