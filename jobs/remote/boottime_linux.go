package remote

import (
	"time"

	"golang.org/x/sys/unix"
)

// Boottime is a clock that goes on while the process is stopped and the host
// sleeps, and that nobody sets.
func Boottime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic(err) // never: Linux has had this clock since 2.6.39
	}
	return time.Duration(t.Nano())
}
