//go:build sabotage

// Package safeguard names what keeps the promise, so that an attack can prove
// that it would notice if one of them failed. In a normal build it is nothing.
package safeguard

import (
	"os"
	"slices"
	"strings"
)

// Off reports whether a safeguard is switched off: SABOTAGE names it, or some,
// with commas.
func Off(name string) bool { return slices.Contains(strings.Split(os.Getenv("SABOTAGE"), ","), name) }
