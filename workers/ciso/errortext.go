package ciso

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// maxErrorText bounds the line that an error becomes.
const maxErrorText = 500

// errorText turns the body of an error answer, in any of the API's shapes, into
// one readable line: {"field":["…"]}, {"field":"…"}, ["…"], {"detail":"…"},
// {"error":"…"}, {"non_field_errors":[…]}, allauth's {"errors":[{"message":…}]}.
// HTML yields nothing: it is nobody's reason.
func errorText(a *answer) string {
	if !a.isJSON() {
		return ""
	}
	var body any
	if decode(a.body, &body) != nil {
		return ""
	}
	return shorten(strings.Join(flatten("", body, 0), "; "))
}

// flatten lists the leaves as "field: text".
func flatten(name string, v any, depth int) (lines []string) {
	if depth > 8 {
		return nil
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			lines = append(lines, flatten(fieldName(name, oneLine(key)), v[key], depth+1)...)
		}
	case []any:
		for _, item := range v {
			lines = append(lines, flatten(name, item, depth+1)...)
		}
	case nil:
	default:
		text := oneLine(fmt.Sprint(v))
		if name != "" {
			text = name + ": " + text
		}
		lines = append(lines, text)
	}
	return lines
}

// fieldName drops the names that only wrap a text.
func fieldName(outer, key string) string {
	switch key {
	case "detail", "error", "errors", "non_field_errors", "message":
		return outer
	}
	if outer != "" {
		return outer + "." + key
	}
	return key
}

// oneLine keeps what can be printed, with single blanks between words.
func oneLine(s string) string {
	printable := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(printable), " ")
}

func shorten(s string) string {
	if r := []rune(s); len(r) > maxErrorText {
		return string(r[:maxErrorText-1]) + "…"
	}
	return s
}
