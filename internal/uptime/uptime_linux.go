// Package uptime is a clock that goes on while the process, or the whole
// machine, stands still, and that nobody can set: the age of a session is
// measured with it.
package uptime

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Now is the time since the machine was started, suspensions included.
func Now() time.Duration {
	var t unix.Timespec
	// It never waits, and is asked before each request: as a call that may wait it
	// would cost twice as much.
	_, _, errno := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_BOOTTIME, uintptr(unsafe.Pointer(&t)), 0)
	if errno != 0 {
		return time.Duration(time.Now().UnixNano()) // no such clock: that of the wall also counts suspensions
	}
	return time.Duration(t.Nano())
}
