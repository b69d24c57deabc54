package check

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Filesystem tells whether a sync there means what it should.
func Filesystem(where string) Row {
	const name = "data directory: file system"
	var disk unix.Statfs_t
	if err := unix.Statfs(where, &disk); err != nil {
		return failed(name, err, "")
	}
	switch kind := int64(disk.Type); kind {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return wrong(name, "in memory: jobs are lost when the host ends", "put it on a disk")
	case unix.OVERLAYFS_SUPER_MAGIC:
		return noted(name, "a container's own layer", "jobs are lost with the container; mount a volume there")
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC:
		return noted(name, fmt.Sprintf("shared or in user space (%#x)", kind), "locks and syncs there are only as good as the server's; a local disk is safer and faster")
	default:
		return fine(name, fmt.Sprintf("a disk (%#x), which syncs", kind))
	}
}
