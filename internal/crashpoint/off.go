//go:build !crashpoints

// Package crashpoint names the places between two durable steps, so that tests
// can end the process there as a crash does. In a normal build it is nothing.
package crashpoint

// Here names a place.
func Here(string) {}
