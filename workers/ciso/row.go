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

func sameRelated(name string) func(row, string) bool {
	return func(r row, v string) bool { return strings.EqualFold(r.inner(name).str("id"), v) }
}

func sameLabel(name string) func(row, string) bool {
	return func(r row, v string) bool { return r.inner(name).str("str") == strings.TrimSpace(v) }
}

func sameInner(outer, name string) func(row, string) bool {
	return func(r row, v string) bool { return r.inner(outer).str(name) == strings.TrimSpace(v) }
}

// sameChoice compares a choice; "--" is how the API spells none.
func sameChoice(name string) func(row, string) bool {
	return func(r row, v string) bool { return r.str(name) == v || v == "--" && r.str(name) == "" }
}

// samePriority compares a priority, which lists show as "P1".
func samePriority(r row, v string) bool {
	shown := r.str("priority")
	return shown == "P"+v || shown == v || v == "--" && shown == ""
}

func sameBool(name string) func(row, string) bool {
	return func(r row, v string) bool {
		want, err := strconv.ParseBool(v)
		got, ok := r[name].(bool)
		return err == nil && ok && got == want
	}
}
