package ciso

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
)

// sameValue reports whether the API's value is what was sent, as the API
// normalises: texts are trimmed, "1" and 1 are one, ids of a list have no order,
// and ids that the token may not see are left out of the answer.
func sameValue(got, sent any) bool {
	switch s := sent.(type) {
	case nil:
		return got == nil
	case []any:
		return sameList(got, s)
	case map[string]any:
		return sameObject(got, s)
	case bool:
		return got == s || sameText(got, fmt.Sprint(s))
	case string:
		return sameText(got, s)
	}
	return sameNumber(got, sent)
}

func sameText(got any, sent string) bool {
	sent = strings.TrimSpace(sent)
	switch g := got.(type) {
	case string:
		return strings.TrimSpace(g) == sent || normalLines(g) == normalLines(sent)
	case json.Number:
		return equalNumbers(g.String(), sent)
	case bool:
		switch strings.ToLower(sent) {
		case "true", "1", "yes", "on", "t", "y":
			return g
		case "false", "0", "no", "off", "f", "n":
			return !g
		}
	case nil:
		return sent == ""
	}
	return false
}

func normalLines(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
}

func sameNumber(got, sent any) bool {
	switch g := got.(type) {
	case string:
		return equalNumbers(g, fmt.Sprint(sent)) || g == fmt.Sprint(sent)
	case json.Number:
		return equalNumbers(g.String(), fmt.Sprint(sent))
	}
	return false
}

func equalNumbers(a, b string) bool {
	if len(a) > 100 || len(b) > 100 {
		return a == b
	}
	x, ok := new(big.Float).SetString(a)
	y, ok2 := new(big.Float).SetString(b)
	return ok && ok2 && x.Cmp(y) == 0
}

// sameList compares sets: what came back must all have been sent. Less may come
// back, because invisible ids are left out, but not nothing.
func sameList(got any, sent []any) bool {
	list, ok := got.([]any)
	if !ok {
		return false
	}
	for _, g := range list {
		found := false
		for _, s := range sent {
			found = found || sameValue(idOf(g), s) || sameValue(g, s)
		}
		if !found {
			return false
		}
	}
	return len(list) > 0 || len(sent) == 0
}

// idOf returns the id of a related object, which some answers spell out.
func idOf(v any) any {
	if m, ok := v.(map[string]any); ok {
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
