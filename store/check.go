package store

import (
	"context"
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// Check reads the records of all ended jobs, which nobody else may read for a
// long time, and returns how many are damaged, with the first of them.
func (l *Ledger) Check(ctx context.Context) (damaged int, first error) {
	for from := uint64(0); ctx.Err() == nil; {
		next, n, err := l.checkSome(from)
		if damaged += n; first == nil {
			first = err
		}
		if next == 0 {
			return damaged, first
		}
		from = next
	}
	return damaged, first
}

// checkSome checks one read transaction's share and returns where to go on, 0 at
// the end.
func (l *Ledger) checkSome(from uint64) (next uint64, damaged int, first error) {
	defer func() { // of bbolt, on pages that make no sense
		if r := recover(); r != nil {
			next, damaged, first = 0, damaged+1, fmt.Errorf("records of ended jobs: %w (%v); %s", ErrDamaged, r, remedy)
		}
	}()
	err := l.db.View(func(tx *bolt.Tx) error {
		cursor, left := tx.Bucket(bDone).Cursor(), scanned
		for k, v := cursor.Seek(key64(from)); k != nil; k, v = cursor.Next() {
			seq := binary.BigEndian.Uint64(k)
			if left--; left < 0 {
				next = seq
				return nil
			}
			if _, _, err := decodeJob(seq, v); err != nil {
				if damaged++; first == nil {
					first = err
				}
			}
		}
		return nil
	})
	if err != nil && first == nil {
		first = err
	}
	return next, damaged, first
}
