//go:build crashpoints

// Package crashpoint names the places between two durable steps, so that tests
// can end the process there as a crash does. In a normal build it is nothing.
package crashpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var passed atomic.Int64

// Here kills the process when CRASH_AT names this place; "name:3" at the third
// passing.
func Here(name string) {
	at, count, _ := strings.Cut(os.Getenv("CRASH_AT"), ":")
	if at != name {
		return
	}
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		n = 1
	}
	if passed.Add(1) == n {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until the signal is there
	}
}
