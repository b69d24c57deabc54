package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Used returns the bytes of the file that hold something. What was freed is used
// again; the file itself shrinks only at the next start.
func (l *Ledger) Used() int64 {
	var size int64
	_ = l.db.View(func(tx *bolt.Tx) error { size = tx.Size(); return nil }) // fails only when closed
	stats := l.db.Stats()
	return size - int64(stats.FreePageN+stats.PendingPageN)*int64(l.db.Info().PageSize)
}

// Trim makes room: it forgets at most limit messages of ended jobs, the oldest
// first, or when there are none left, at most limit ended jobs. Those not yet
// reported stay.
func (l *Ledger) Trim(ctx context.Context, limit int) (n int, err error) {
	err = l.write(ctx, "make room", func(c *change) error {
		if n, err = c.trimPayloads(limit); n > 0 || err != nil {
			return err
		}
		n, err = c.trimEnded(limit)
		return err
	}, nil)
	return n, err
}

// trimPayloads forgets messages; nearly all that the ledger keeps are of ended jobs.
func (c *change) trimPayloads(limit int) (n int, err error) {
	var old [][]byte
	cursor := c.bucket(bPayloads).Cursor()
	for k, _ := cursor.First(); k != nil && len(old) < limit; k, _ = cursor.Next() {
		if c.bucket(bDone).Get(k) != nil && !c.unreported(k) {
			old = append(old, bytes.Clone(k))
		}
	}
	for _, k := range old {
		if err := c.bucket(bPayloads).Delete(k); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// trimEnded forgets the oldest ended jobs of both classes.
func (c *change) trimEnded(limit int) (n int, err error) {
	for ; n < limit; n++ {
		oldest, class := int64(0), byte(0)
		for _, each := range []byte{classSucceeded, classFailed} {
			if at, ok := c.oldestEnded(each); ok && (class == 0 || at < oldest) {
				oldest, class = at, each
			}
		}
		if class == 0 {
			return n, nil
		}
		if _, err := c.expire(class, time.Unix(0, oldest), 1); err != nil {
			return n, err
		}
	}
	return n, nil
}

// oldestEnded returns when the oldest job of a class ended that may be forgotten.
func (c *change) oldestEnded(class byte) (at int64, ok bool) {
	cursor := c.bucket(bEnded).Cursor()
	for k, _ := cursor.Seek([]byte{class}); len(k) == 17 && k[0] == class; k, _ = cursor.Next() {
		if !c.unreported(k[9:]) {
			return int64(binary.BigEndian.Uint64(k[1:])), true
		}
	}
	return 0, false
}
