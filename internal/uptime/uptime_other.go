//go:build !linux

// Package uptime is a clock that goes on while the process, or the whole
// machine, stands still: the age of a session is measured with it.
package uptime

import "time"

// Now is the time of the wall: Go's other clock stops while the machine sleeps.
func Now() time.Duration { return time.Duration(time.Now().UnixNano()) }
