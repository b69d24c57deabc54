package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	bolt "go.etcd.io/bbolt"

	"dispatcher/jobs"
)

// scanned bounds the records that one read transaction looks at: long ones keep
// old pages from being used again, and the file grows.
const scanned = 20_000

// Unfinished calls fn with every unfinished job, oldest first.
func (l *Ledger) Unfinished(fn func(jobs.Job) error) error {
	return l.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bOpen).ForEach(func(k, v []byte) error {
			job, _, err := decodeJob(binary.BigEndian.Uint64(k), v)
			if err != nil {
				return err
			}
			return fn(job)
		})
	})
}

// Job returns the job with an id; [jobs.ErrNoJob] if there is none.
func (l *Ledger) Job(id string) (job jobs.Job, err error) {
	err = l.db.View(func(tx *bolt.Tx) error {
		raw := tx.Bucket(bIDs).Get([]byte(id))
		if raw == nil {
			return fmt.Errorf("%s: %w", id, jobs.ErrNoJob)
		}
		job, _, err = readJob(tx, binary.BigEndian.Uint64(raw))
		return err
	})
	return job, err
}

// JobBySeq returns the job with a sequence; [jobs.ErrNoJob] if there is none.
func (l *Ledger) JobBySeq(seq uint64) (job jobs.Job, err error) {
	err = l.db.View(func(tx *bolt.Tx) error {
		job, _, err = readJob(tx, seq)
		return err
	})
	return job, err
}

func readJob(tx *bolt.Tx, seq uint64) (jobs.Job, []jobs.Step, error) {
	key := key64(seq)
	raw := tx.Bucket(bOpen).Get(key)
	if raw == nil {
		raw = tx.Bucket(bDone).Get(key)
	}
	if raw == nil {
		return jobs.Job{}, nil, fmt.Errorf("job %d: %w", seq, jobs.ErrNoJob)
	}
	return decodeJob(seq, raw)
}

// Steps returns the recorded steps of a job in the order of their first record;
// of steps with one name the last record counts.
func (l *Ledger) Steps(seq uint64) (steps []jobs.Step, err error) {
	err = l.db.View(func(tx *bolt.Tx) error {
		all, err := readList(tx, bSteps, seq, getStep)
		if err != nil {
			return err
		}
		if raw := tx.Bucket(bDone).Get(key64(seq)); raw != nil {
			_, last, err := decodeJob(seq, raw)
			if err != nil {
				return err
			}
			all = append(all, last...)
		}
		for _, s := range all {
			i := slices.IndexFunc(steps, func(known jobs.Step) bool { return known.Name == s.Name })
			if i < 0 {
				steps = append(steps, s)
				continue
			}
			steps[i] = s
		}
		return nil
	})
	return steps, err
}

// Attempts returns the failed attempts of a job, oldest first.
func (l *Ledger) Attempts(seq uint64) (list []jobs.Attempt, err error) {
	err = l.db.View(func(tx *bolt.Tx) error {
		list, err = readList(tx, bAttempts, seq, getAttempt)
		return err
	})
	return list, err
}

// Audit returns what operators did to a job, oldest first.
func (l *Ledger) Audit(seq uint64) (list []jobs.AuditEntry, err error) {
	err = l.db.View(func(tx *bolt.Tx) error {
		list, err = readList(tx, bAudit, seq, getAudit)
		return err
	})
	return list, err
}

func readList[T any](tx *bolt.Tx, name []byte, seq uint64, get func(*jobs.Decoder) T) (list []T, err error) {
	prefix := key64(seq)
	cursor := tx.Bucket(name).Cursor()
	for k, v := cursor.Seek(prefix); hasPrefix(k, prefix); k, v = cursor.Next() {
		d := jobs.OpenRecord(v)
		list = append(list, get(&d))
		if d.Err != nil {
			return nil, fmt.Errorf("%s of job %d: %w", name, seq, ErrDamaged)
		}
	}
	return list, nil
}

// Payload returns the encoded envelope that the ledger keeps of a job, or
// [ErrNoPayload].
func (l *Ledger) Payload(seq uint64) (payload []byte, err error) {
	err = l.db.View(func(tx *bolt.Tx) error {
		raw := tx.Bucket(bPayloads).Get(key64(seq))
		if raw == nil {
			return fmt.Errorf("job %d: %w", seq, ErrNoPayload)
		}
		payload = append(payload, raw...)
		return nil
	})
	return payload, err
}

// HasPayload reports whether the ledger keeps the message of a job.
func (l *Ledger) HasPayload(seq uint64) (has bool) {
	_ = l.db.View(func(tx *bolt.Tx) error {
		has = tx.Bucket(bPayloads).Get(key64(seq)) != nil
		return nil
	})
	return has
}

// List returns up to limit jobs that f chooses, newest first, of those before a
// sequence (0: from the newest). next is where the next page starts, 0 at the
// end.
func (l *Ledger) List(f jobs.Filter, before uint64, limit int) (page []jobs.Job, next uint64, err error) {
	look := newPrefilter(&f)
	if before == 0 {
		before = ^uint64(0)
	}
	for len(page) < limit && before > 0 {
		err = l.db.View(func(tx *bolt.Tx) error {
			before, err = listSome(tx, &f, &look, before, limit, &page)
			return err
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return page, before, nil
}

// listSome scans one read transaction's share and returns where to go on, 0 at
// the end.
func listSome(tx *bolt.Tx, f *jobs.Filter, look *prefilter, before uint64, limit int, page *[]jobs.Job) (uint64, error) {
	newest := newMerge(tx, before)
	for range scanned {
		seq, raw := newest.next()
		if raw == nil {
			return 0, nil
		}
		before = seq
		if !look.mayMatch(raw) {
			continue
		}
		job, _, err := decodeJob(seq, raw)
		if err != nil {
			return 0, err
		}
		if f.Match(&job) {
			if *page = append(*page, job); len(*page) == limit {
				return before, nil
			}
		}
	}
	return before, nil
}

// merge walks unfinished and ended jobs together, newest first.
type merge struct {
	cursors [2]*bolt.Cursor
	keys    [2][]byte
	values  [2][]byte
}

func newMerge(tx *bolt.Tx, before uint64) *merge {
	m := &merge{}
	for i, name := range [][]byte{bOpen, bDone} {
		m.cursors[i] = tx.Bucket(name).Cursor()
		k, _ := m.cursors[i].Seek(key64(before))
		if k == nil {
			m.keys[i], m.values[i] = m.cursors[i].Last()
			if m.keys[i] != nil && binary.BigEndian.Uint64(m.keys[i]) >= before {
				m.keys[i], m.values[i] = m.cursors[i].Prev()
			}
			continue
		}
		m.keys[i], m.values[i] = m.cursors[i].Prev()
	}
	return m
}

func (m *merge) next() (seq uint64, raw []byte) {
	i := 0
	switch {
	case m.keys[0] == nil && m.keys[1] == nil:
		return 0, nil
	case m.keys[0] == nil, m.keys[1] != nil && string(m.keys[1]) > string(m.keys[0]):
		i = 1
	}
	seq, raw = binary.BigEndian.Uint64(m.keys[i]), m.values[i]
	m.keys[i], m.values[i] = m.cursors[i].Prev()
	return seq, raw
}

// prefilter looks at a record without decoding it: at its first bytes, and
// whether the texts that must be in it are.
type prefilter struct {
	states, types, codes [256]bool
	keys, workers        [][]byte
	since, until         time.Time
	search, scratch      []byte // nil: whatever is not ASCII is left to the filter
}

func newPrefilter(f *jobs.Filter) (p prefilter) {
	p.since, p.until = f.Since, f.Until
	if strings.IndexFunc(f.Search, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		p.search = []byte(strings.ToLower(f.Search))
	}
	mark := func(set *[256]bool, n int, at func(int) byte) {
		for i := range n {
			set[at(i)] = true
		}
		for i := range set {
			set[i] = set[i] || n == 0
		}
	}
	mark(&p.states, len(f.States), func(i int) byte { return byte(f.States[i]) })
	mark(&p.types, len(f.Types), func(i int) byte { return typeNumber(f.Types[i]) })
	mark(&p.codes, len(f.Codes), func(i int) byte { return codeNumber(f.Codes[i]) })
	for _, key := range f.Keys {
		p.keys = append(p.keys, []byte(key))
	}
	for _, worker := range f.Workers {
		p.workers = append(p.workers, []byte(worker))
	}
	return p
}

func (p *prefilter) mayMatch(raw []byte) bool {
	return len(raw) <= atCode || p.states[raw[atState]] && p.types[raw[atType]] && p.codes[raw[atCode]] &&
		containsAny(raw, p.keys) && containsAny(raw, p.workers) && p.inTime(raw) && p.hasText(raw)
}

// hasText looks for the text anywhere in the record, in any case.
func (p *prefilter) hasText(raw []byte) bool {
	if len(p.search) == 0 {
		return true
	}
	p.scratch = append(p.scratch[:0], raw...)
	for i, b := range p.scratch {
		if 'A' <= b && b <= 'Z' {
			p.scratch[i] = b + 'a' - 'A'
		}
	}
	return bytes.Contains(p.scratch, p.search)
}

func (p *prefilter) inTime(raw []byte) bool {
	if p.since.IsZero() && p.until.IsZero() {
		return true
	}
	at, ok := receivedAt(raw) // what is damaged is told of by whoever decodes it
	return !ok || !at.Before(p.since) && (p.until.IsZero() || at.Before(p.until))
}

func containsAny(raw []byte, wanted [][]byte) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(text []byte) bool { return bytes.Contains(raw, text) })
}
