package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// compactAbove is the size of a file that is worth it, in bytes.
const compactAbove = 64 << 20

// compact rewrites a file of which most is free, and returns the open new one.
// A crash in between leaves the old file. Where there is no room for a second
// one the old one is as good.
func compact(o Options, db *bolt.DB) (*bolt.DB, error) {
	if free, size, err := freeSpace(db); err != nil || size < o.CompactAbove || free < size/4*3 {
		return db, err
	}
	next := o.Path + ".compact"
	if err := rewrite(db, next); err != nil {
		_ = os.Remove(next)
		return db, nil
	}
	// Whoever waits for the lock of the old file meanwhile gets that of a file
	// that is not at the path any more, which openFile refuses.
	if err := errors.Join(os.Rename(next, o.Path), syncDir(filepath.Dir(o.Path)), db.Close()); err != nil {
		return nil, fmt.Errorf("compact %s: %w", o.Path, err)
	}
	return openFile(o)
}

func freeSpace(db *bolt.DB) (free, size int64, err error) {
	tx, err := db.Begin(true) // only a writing transaction counts the free pages
	if err != nil {
		return 0, 0, err
	}
	size = tx.Size()
	err = tx.Rollback()
	return int64(db.Stats().FreePageN) * int64(db.Info().PageSize), size, err
}

// rewrite copies what is in use. Damage that bbolt panics about is left for the
// reader to find, who names it.
func rewrite(db *bolt.DB, path string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dst, err := bolt.Open(path, 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		return err
	}
	const batch = 1 << 20 // bytes of one transaction
	return errors.Join(bolt.Compact(dst, db, batch), dst.Sync(), dst.Close())
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// stillThere reports whether an open file is the one at its path.
func stillThere(f *os.File) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(f.Name())
	return err == nil && os.SameFile(opened, there)
}
