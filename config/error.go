package config

import "strings"

// Error is one or more wrong settings: one line, nothing was started.
type Error struct{ Problems []string }

func (e *Error) Error() string { return strings.Join(e.Problems, "; ") }
