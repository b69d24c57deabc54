package cli

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// placeOf names a directory so that a copy of it has another name: its number
// in the file system, and when it was made there.
func placeOf(dir string) (string, error) {
	var s unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_INO|unix.STATX_BTIME, &s); err != nil {
		return "", fmt.Errorf("look at the data directory %s: %w", dir, err)
	}
	name := fmt.Sprintf("%d", s.Ino)
	if s.Mask&unix.STATX_BTIME != 0 {
		name += fmt.Sprintf("@%d.%09d", s.Btime.Sec, s.Btime.Nsec)
	}
	return name, nil
}
