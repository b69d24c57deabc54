//go:build !sabotage

// Package safeguard names what keeps the promise, so that an attack can prove
// that it would notice if one of them failed. In a normal build it is nothing.
package safeguard

// Off reports whether a safeguard is switched off.
func Off(string) bool { return false }
