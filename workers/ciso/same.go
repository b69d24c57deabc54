package ciso

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// sameValue reports whether the API's value is what was sent, as the API
// normalises: texts are trimmed, "1" and 1 are one, ids have no order.
func sameValue(got, sent any) bool {
	switch s := sent.(type) {
	case nil:
		return got == nil
	case []any:
		return sameSet(got, s)
	case []string:
		return sameSet(got, anys(s))
	case map[string]any:
		return sameObject(got, s)
	case bool:
		return got == s || sameText(got, fmt.Sprint(s))
	case string:
		return sameText(got, s)
	}
	return sameNumber(got, fmt.Sprint(sent))
}

func anys(list []string) (all []any) {
	for _, s := range list {
		all = append(all, s)
	}
	return all
}

func sameText(got any, sent string) bool {
	sent = strings.TrimFunc(sent, blank)
	switch g := got.(type) {
	case string:
		return strings.TrimFunc(g, blank) == sent || sameLines(g, sent) || uuidPattern.MatchString(sent) && sameID(g, sent)
	case json.Number:
		return equalNumbers(g.String(), sent)
	case bool:
		return sameBoolText(g, sent)
	case nil:
		return sent == ""
	}
	return false
}

// sameBoolText knows the spellings of a boolean that the API takes.
func sameBoolText(got bool, sent string) bool {
	switch strings.ToLower(sent) {
	case "true", "1", "yes", "on", "t", "y":
		return got
	case "false", "0", "no", "off", "f", "n":
		return !got
	}
	return false
}

func sameLines(a, b string) bool {
	return strings.TrimSpace(strings.ReplaceAll(a, "\r\n", "\n")) == strings.TrimSpace(strings.ReplaceAll(b, "\r\n", "\n"))
}

func sameNumber(got any, sent string) bool {
	switch g := got.(type) {
	case string:
		return g == sent || equalNumbers(g, sent)
	case json.Number:
		return equalNumbers(g.String(), sent)
	case bool:
		return sameBoolText(g, sent)
	}
	return false
}

func equalNumbers(a, b string) bool {
	if len(a) > 100 || len(b) > 100 {
		return a == b
	}
	x, _, err := big.ParseFloat(a, 10, 400, big.ToNearestEven)
	y, _, err2 := big.ParseFloat(b, 10, 400, big.ToNearestEven)
	return err == nil && err2 == nil && x.Cmp(y) == 0
}

// sameSet compares lists as sets.
func sameSet(got any, sent []any) bool {
	list, ok := got.([]any)
	return ok && within(list, sent) && within(sent, list)
}

// within reports whether every element of a is one of b.
func within(a, b []any) bool {
	known := make(map[string]bool, len(b))
	for _, v := range b {
		known[element(v)] = true
	}
	return !slices.ContainsFunc(a, func(v any) bool { return !known[element(v)] })
}

// element spells an element of a list so that equal ones are spelled equally.
func element(v any) string {
	switch v := idOf(v).(type) {
	case string:
		text := strings.TrimFunc(v, blank)
		if uuidPattern.MatchString(text) {
			return strings.ToLower(strings.ReplaceAll(text, "-", ""))
		}
		return text
	default:
		text, _ := encode(v) // it was JSON before
		return string(text)
	}
}

// idOf returns the id of a related object, which some answers spell out.
func idOf(v any) any {
	if m, ok := v.(map[string]any); ok && m["id"] != nil {
		return m["id"]
	}
	return v
}

func sameObject(got any, sent map[string]any) bool {
	m, ok := got.(map[string]any)
	if !ok {
		return false
	}
	for name, v := range sent {
		if !sameValue(m[name], v) {
			return false
		}
	}
	return true
}
