package store

import (
	"context"
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"dispatcher/jobs"
)

// termKey names the number of times that leases were given out anew.
const termKey = "term"

// NextTerm returns a number that no earlier call has returned, after its sync:
// epochs of claims begin with it, so that none of an earlier process is taken
// for one of this.
func (l *Ledger) NextTerm(ctx context.Context) (term uint64, err error) {
	err = l.write(ctx, "begin term", func(c *change) error {
		term = 1
		if raw := c.bucket(bMeta).Get([]byte(termKey)); len(raw) == 8 {
			term += binary.BigEndian.Uint64(raw)
		}
		return c.bucket(bMeta).Put([]byte(termKey), key64(term))
	}, nil)
	return term, err
}

// SetLease notes that a worker on another host may write objects from now on.
// It ends with the attempt, see Update and End, or with DropLease.
func (l *Ledger) SetLease(ctx context.Context, lease jobs.Leased) error {
	return l.write(ctx, "lease job", func(c *change) error {
		if c.bucket(bOpen).Get(key64(lease.Seq)) == nil {
			return fmt.Errorf("job %d is not unfinished", lease.Seq)
		}
		var e jobs.Encoder
		e.Uint(lease.Epoch)
		e.String(lease.Holder)
		e.String(lease.Worker)
		e.Uint(uint64(len(lease.Objects)))
		for _, o := range lease.Objects {
			e.String(o)
		}
		e.Seal(0)
		return c.bucket(bLeases).Put(key64(lease.Seq), e.B)
	}, nil)
}

// DropLease forgets a lease with the next commit, without waiting for it: one
// that is there after a crash is only waited for.
func (l *Ledger) DropLease(seq uint64) error {
	return l.enqueue("drop lease", func(c *change) error { return c.endLease(key64(seq)) })
}

func (c *change) endLease(key []byte) error { return c.remove(bLeases, key) }

// Leases returns the leases that had not ended, by sequence.
func (l *Ledger) Leases() (list []jobs.Leased, err error) {
	err = l.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bLeases).ForEach(func(k, v []byte) error {
			d := jobs.OpenRecord(v)
			lease := jobs.Leased{Seq: binary.BigEndian.Uint64(k), Epoch: d.Uint(), Holder: d.String(), Worker: d.String()}
			for n := d.Uint(); n > 0 && d.Err == nil; n-- {
				lease.Objects = append(lease.Objects, d.String())
			}
			if d.Err != nil {
				return fmt.Errorf("lease of job %d: %w", lease.Seq, ErrDamaged)
			}
			list = append(list, lease)
			return nil
		})
	})
	return list, err
}
