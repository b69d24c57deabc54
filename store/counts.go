package store

import (
	"maps"

	"dispatcher/jobs"
)

// counts are the totals by state and by failure code.
type counts struct {
	states  [jobs.Released + 1]int64
	codes   map[jobs.Code]int64
	outbox  int64
	results int64 // not stored: counted when the file is opened
	changed bool
}

func (c counts) clone() counts {
	c.codes = maps.Clone(c.codes)
	c.changed = false
	return c
}

// add counts a record in (by 1) or out (by -1).
func (c *counts) add(job *jobs.Job, by int64) {
	c.changed = true
	c.states[job.State] += by
	if job.State == jobs.Failed && job.Failure != nil {
		if c.codes == nil {
			c.codes = make(map[jobs.Code]int64)
		}
		if c.codes[job.Failure.Code] += by; c.codes[job.Failure.Code] == 0 {
			delete(c.codes, job.Failure.Code)
		}
	}
}

func (c *counts) encode() []byte {
	var e jobs.Encoder
	e.Uint(uint64(len(c.states)))
	for _, n := range c.states {
		e.Int(n)
	}
	e.Int(c.outbox)
	for code, n := range c.codes {
		e.String(string(code))
		e.Int(n)
	}
	e.Seal(0)
	return e.B
}

func decodeCounts(raw []byte) (c counts) {
	d := jobs.OpenRecord(raw)
	for i := range d.Uint() {
		if n := d.Int(); i < uint64(len(c.states)) {
			c.states[i] = n
		}
	}
	c.outbox = d.Int()
	for d.More() {
		if c.codes == nil {
			c.codes = make(map[jobs.Code]int64)
		}
		c.codes[jobs.Code(d.String())] = d.Int()
	}
	return c
}

// Counts returns the totals. Running jobs count as what they were before.
func (l *Ledger) Counts() jobs.Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := jobs.Counts{States: make(map[jobs.State]int), Codes: make(map[jobs.Code]int), Outbox: int(l.counts.outbox), Results: int(l.counts.results)}
	for _, s := range jobs.States() {
		out.States[s] = int(l.counts.states[s])
	}
	for code, n := range l.counts.codes {
		out.Codes[code] = int(n)
	}
	return out
}
