package ciso

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// row is one object of a list, as the API sent it; numbers are json.Number.
type row map[string]any

// str returns a field as text, "" if it is absent or null.
func (r row) str(name string) string {
	switch v := r[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	case nil:
		return ""
	default:
		return fmt.Sprint(v)
	}
}

// inner returns a related object, {"id":…,"str":…}; an empty row if it is null
// or masked ({}).
func (r row) inner(name string) row {
	m, _ := r[name].(map[string]any)
	return m
}

// The functions below say whether a row shows what was selected. The API strips
// blanks around texts, and so do they.

func always(row, string) bool { return true }

func sameField(name string) func(row, string) bool {
	return func(r row, v string) bool { return strings.TrimSpace(r.str(name)) == strings.TrimSpace(v) }
}

func sameOwnID(r row, v string) bool { return sameID(r.str("id"), v) }

func sameRelated(name string) func(row, string) bool {
	return func(r row, v string) bool { return sameID(r.inner(name).str("id"), v) }
}

// sameID compares ids as the API reads them: in any case, with dashes or not.
func sameID(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	return a != "" && (strings.EqualFold(a, b) || uuidPattern.MatchString(b) && strings.EqualFold(strings.ReplaceAll(a, "-", ""), strings.ReplaceAll(b, "-", "")))
}

func sameLabel(name string) func(row, string) bool {
	return func(r row, v string) bool { return r.inner(name).str("str") == strings.TrimSpace(v) }
}

// sameLastLabel compares the name of an object whose label begins with its folder's.
func sameLastLabel(name string) func(row, string) bool {
	return func(r row, v string) bool {
		label, v := r.inner(name).str("str"), strings.TrimSpace(v)
		return label == v || strings.HasSuffix(label, "/"+v)
	}
}

func sameInner(outer, name string) func(row, string) bool {
	return func(r row, v string) bool { return r.inner(outer).str(name) == strings.TrimSpace(v) }
}

// sameChoice compares a choice. Some lists show its value, others the word that
// people see, such as "In review" for in_review; words are those of no such
// rule. "--" is how the API spells none.
func sameChoice(name string, words map[string]string) func(row, string) bool {
	return func(r row, v string) bool {
		shown := r.str(name)
		return shown == v || v == "--" && shown == "" || shown != "" &&
			(shown == words[v] || strings.ToLower(strings.ReplaceAll(shown, " ", "_")) == v)
	}
}

func sameBool(name string) func(row, string) bool {
	return func(r row, v string) bool {
		got, ok := r[name].(bool)
		return ok && got == isTrue(v)
	}
}

func isTrue(v string) bool { return v == "true" || v == "True" || v == "1" }

// before compares dates, which are spelled year first.
func before(name string) func(row, string) bool {
	return func(r row, v string) bool { return r.str(name) != "" && r.str(name) < strings.TrimSpace(v) }
}

func after(name string) func(row, string) bool {
	return func(r row, v string) bool { return r.str(name) > strings.TrimSpace(v) }
}

func either(a, b func(row, string) bool) func(row, string) bool {
	return func(r row, v string) bool { return a(r, v) || b(r, v) }
}
