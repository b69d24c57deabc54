// Package quiet keeps commands from talking to the terminal when they start.
//
// The forms' library asks each terminal for its background colour as soon as it
// is linked in, and waits five seconds for terminals that do not answer. This
// package answers first: Go initialises what is ready in the order of import
// paths, and "dispatcher" is before "github.com". Whoever shows a form asks with
// [Background].
package quiet

import "github.com/charmbracelet/lipgloss"

var _ = assume(true)

func assume(dark bool) bool {
	lipgloss.SetHasDarkBackground(dark)
	return dark
}

// Background asks the terminal for its background, for the colours of forms.
func Background() { assume(lipgloss.DefaultRenderer().Output().HasDarkBackground()) }
