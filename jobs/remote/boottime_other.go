//go:build !linux

package remote

import "time"

var begun = time.Now()

// Boottime is a clock that goes on while the process is stopped. On a host that
// sleeps it may stand still on this system: do not let workers sleep.
func Boottime() time.Duration { return time.Since(begun) }
