package schedule

import (
	"context"
	"slices"
	"time"

	"dispatcher/internal/safeguard"
	"dispatcher/jobs"
)

// grant is the set of objects that one job holds, or waits for.
type grant struct {
	objects []string
	waiting bool
}

// object is one entry of the lock table.
type object struct {
	holder  *entry
	waiters []*entry // in the order of asking
	until   int64    // quarantine, Unix nanoseconds; 0: none
	owner   uint64   // the job that the quarantine does not concern
}

type lockTable struct{ objects map[string]*object }

func newLockTable() lockTable { return lockTable{objects: make(map[string]*object)} }

func (t *lockTable) at(name string) *object {
	o := t.objects[name]
	if o == nil {
		o = &object{}
		t.objects[name] = o
	}
	return o
}

// tidy forgets an object that nobody cares about.
func (t *lockTable) tidy(name string) {
	if o := t.objects[name]; o != nil && o.holder == nil && len(o.waiters) == 0 && o.until == 0 {
		delete(t.objects, name)
	}
}

// free reports whether e may hold the object now: nobody else holds it, nobody
// asked before, and it is in no other job's quarantine.
func (o *object) free(e *entry, now time.Time) bool {
	if o.holder != nil && o.holder != e {
		return false
	}
	if len(o.waiters) > 0 && o.waiters[0] != e {
		return false
	}
	return o.until == 0 || o.owner == e.seq || o.until <= now.UnixNano()
}

// tryHold takes all names for e, or none.
func (t *lockTable) tryHold(e *entry, names []string, now time.Time) bool {
	for _, name := range names {
		if o := t.objects[name]; o != nil && !o.free(e, now) {
			return false
		}
	}
	for _, name := range names {
		t.at(name).holder = e
	}
	e.grant = &grant{objects: names}
	return true
}

// release ends what e holds or waits for, and returns the names.
func (t *lockTable) release(e *entry) (names []string) {
	if e.grant == nil {
		return nil
	}
	names = e.grant.objects
	e.grant = nil
	for _, name := range names {
		o := t.objects[name]
		if o == nil {
			continue
		}
		if o.holder == e {
			o.holder = nil
		}
		if i := slices.Index(o.waiters, e); i >= 0 {
			o.waiters = slices.Delete(o.waiters, i, i+1)
		}
		t.tidy(name)
	}
	return names
}

// wait puts e into the queue of each name.
func (t *lockTable) wait(e *entry, names []string) {
	e.grant = &grant{objects: names, waiting: true}
	for _, name := range names {
		o := t.at(name)
		o.waiters = append(o.waiters, e)
	}
}

// grantable returns the first waiter of name if it may have all that it wants.
func (t *lockTable) grantable(name string, now time.Time) *entry {
	o := t.objects[name]
	if o == nil || len(o.waiters) == 0 {
		return nil
	}
	e := o.waiters[0]
	for _, wanted := range e.grant.objects {
		if !t.objects[wanted].free(e, now) {
			return nil
		}
	}
	return e
}

// give turns the wait of e into a hold.
func (t *lockTable) give(e *entry) {
	names := e.grant.objects
	for _, name := range names {
		o := t.objects[name]
		o.waiters = slices.Delete(o.waiters, 0, 1)
		o.holder = e
	}
	e.grant = &grant{objects: names}
}

// quarantine keeps an object from all jobs but its own until the time is over.
func (t *lockTable) quarantine(q jobs.Quarantined) {
	o := t.at(q.Object)
	o.until, o.owner = q.Until.UnixNano(), q.Seq
}

// nextRelease is when the next quarantine ends that somebody waits for, in
// Unix nanoseconds; 0 if none does.
func (t *lockTable) nextRelease() (at int64) {
	for _, o := range t.objects {
		if o.until != 0 && len(o.waiters) > 0 && (at == 0 || o.until < at) {
			at = o.until
		}
	}
	return at
}

// endQuarantines forgets those that are over and returns their objects.
func (t *lockTable) endQuarantines(now time.Time) (over []string) {
	for name, o := range t.objects {
		if o.until != 0 && o.until <= now.UnixNano() {
			o.until, o.owner = 0, 0
			over = append(over, name)
			t.tidy(name)
		}
	}
	return over
}

// Lock gives the job of lease the right to write objects: all of them, or none
// with [jobs.ErrLocked], upon which the attempt must end with
// [jobs.OutcomeLocked]. Call it before the first write. When it returns, the
// slot file names the objects, so that an unclean end quarantines them; those of
// a worker on another host are in the ledger, with its lease.
func (s *Scheduler) Lock(ctx context.Context, lease jobs.Lease, objects []string) error {
	names := sortedNames(objects)
	if err := s.lock(lease, names); err != nil || lease.Holder == "" {
		return err
	}
	return s.noteLease(ctx, lease, names)
}

func (s *Scheduler) lock(lease jobs.Lease, names []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.current(lease)
	if err != nil {
		return err
	}
	now := s.cfg.Clock()
	if safeguard.Off("object locks") {
		return nil
	}
	if e.grant == nil || !slices.Equal(e.grant.objects, names) {
		freed := s.locks.release(e)
		held := s.locks.tryHold(e, names, now)
		s.grantFor(freed, now)
		if !held {
			return jobs.ErrLocked
		}
	}
	e.resumed = true
	if e.run.lease != nil {
		e.run.lease.locked = true
	}
	s.slots.mark(e.run.slot, e.seq, names)
	return nil
}

// grantLocks looks at every object that has waiters, after a quarantine ended.
func (s *Scheduler) grantLocks(now time.Time) {
	s.grantFor(s.locks.endQuarantines(now), now)
}

// grantFor lets those go on who wait for one of names.
func (s *Scheduler) grantFor(names []string, now time.Time) {
	for _, name := range names {
		if e := s.locks.grantable(name, now); e != nil {
			s.locks.give(e)
			s.requeue(e)
		}
	}
}
