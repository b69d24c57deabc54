package e2e

import "strings"

// url is an address that opens the page once, for whoever may act.
func (w *World) url() string {
	w.t.Helper()
	return strings.TrimSpace(w.must("jobs", "web"))
}
