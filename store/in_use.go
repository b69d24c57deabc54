package store

import (
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// InUse reports whether a process has the ledger at path open. It takes a shared
// lock for a moment and changes nothing; of a file that cannot be read, or that is
// damaged, it says false: whoever opens it is told more.
func InUse(path string) (inUse bool) {
	defer func() { _ = recover() }() // bbolt panics on pages that make no sense; it has the lock by then
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Millisecond})
	if err != nil {
		return errors.Is(err, bolterrors.ErrTimeout)
	}
	_ = db.Close() // nothing was written
	return false
}
