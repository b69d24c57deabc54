// Package uptime is a clock that goes on while the process, or the whole
// machine, stands still, and that nobody can set: the age of a session is
// measured with it.
package uptime

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now is the time since the machine was started, suspensions included.
func Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return time.Duration(time.Now().UnixNano()) // no such clock: that of the wall also counts suspensions
	}
	return time.Duration(t.Nano())
}
