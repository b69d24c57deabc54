package cli

import (
	"os"
	"path/filepath"
	"syscall"
)

// storeLimit is the configured limit of the stores, but at most 80 % of what the
// data directory holds and the disk has free.
func storeLimit(dir string, limit int64) int64 {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return limit
	}
	return min(limit, (int64(disk.Bavail)*int64(disk.Bsize)+diskUsage(dir))/10*8)
}

// diskUsage is the space that the files below dir take, in bytes.
func diskUsage(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil {
			return nil // it has gone meanwhile
		}
		if info, err := e.Info(); err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				sum += stat.Blocks * 512
			}
		}
		return nil
	})
	return sum
}

// restartNATS clears the sticky write errors of the embedded store once there
// is room on the disk again. Every partition asks for it: it is done once.
func (p *process) restartNATS() {
	p.restarting.Lock()
	defer p.restarting.Unlock()
	if p.stream.Stuck() == nil {
		return
	}
	if !hasRoom(p.cfg.DataDir) {
		return
	}
	if err := p.nats.Restart(); err != nil {
		p.log.Error("the embedded store does not start again, it is tried again", "error", err)
		return
	}
	if err := p.serveControl(); err != nil {
		p.log.Error("the control api is not offered", "error", err)
	}
}

// hasRoom reports whether it pays to try again: 64 MiB are free, or a tenth of a
// small disk.
func hasRoom(dir string) bool {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return false
	}
	block := int64(disk.Bsize)
	return int64(disk.Bavail)*block >= min(64<<20, int64(disk.Blocks)*block/10)
}
