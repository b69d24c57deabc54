package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dispatcher/jobs"
)

// lease is a claim of a worker on another host: unless it is renewed in time, its
// job is given to another.
type lease struct {
	holder  string
	since   time.Time
	until   time.Time
	locked  bool // objects were granted: it may have written
	reread  bool // of a former process: the message is read when the attempt ends
	ripping bool // its end is under way
	noted   []string
}

func (r *run) holder() string {
	if r.lease == nil {
		return ""
	}
	return r.lease.holder
}

func (r *run) restored() bool { return r.lease != nil && r.lease.reread }

// Lease is [Scheduler.Claim] for a worker on another host. The claim ends when
// it is not renewed within [Config.Lease], see [Scheduler.RenewLeases].
func (s *Scheduler) Lease(ctx context.Context, worker, holder string) (*jobs.Claim, error) {
	return s.claim(ctx, &claimer{worker: worker, holder: holder})
}

// LeaseNow is [Scheduler.Lease] that waits for nothing: nil if there is no job now.
func (s *Scheduler) LeaseNow(ctx context.Context, worker, holder string) (*jobs.Claim, error) {
	c := &claimer{worker: worker, holder: holder}
	for {
		s.mu.Lock()
		e := s.take(c)
		s.mu.Unlock()
		if e == nil {
			return nil, nil
		}
		claim, err := s.begin(ctx, e, c)
		if !errors.Is(err, errNotRunnable) {
			return claim, err
		}
	}
}

// Renewal answers for one lease.
type Renewal struct {
	Stale    bool // it has ended
	Renewed  bool // it lives for [Config.Lease] from now; false: it is valid, but only as long as it was
	Canceled bool // an operator wants the attempt to end before its next step
}

// RenewLeases prolongs the leases that a holder says it has, in that order. Only an
// active process prolongs, and only as long as its session outlives them: nobody
// else may become active before they have ended. Leases that were given out more than patience ago, which the holder does
// not know and which have no locks, have got lost on the way: they are given back.
func (s *Scheduler) RenewLeases(holder string, list []jobs.Lease, patience time.Duration) []Renewal {
	answer := make([]Renewal, len(list))
	named := make(map[uint64]bool, len(list))
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Clock()
	for i, l := range list {
		l.Holder = holder
		named[l.Seq] = true
		e := s.bySeq[l.Seq]
		if e != nil && e.phase == ending && e.epoch == l.Epoch && e.run != nil && e.run.holder() == holder {
			continue // its report is being stored
		}
		if e, err := s.current(l); err != nil || e.run.lease.until.Before(now) {
			answer[i].Stale = true
			continue
		}
		renew := s.mayLease()
		if renew {
			e.run.lease.until = now.Add(s.cfg.Lease)
		}
		answer[i] = Renewal{Renewed: renew, Canceled: e.canceling.Load() != nil}
	}
	for e := range s.leased {
		if l := e.run.lease; e.phase == running && e.run.hot != nil && l.holder == holder && !l.locked && !named[e.seq] && now.Sub(l.since) > patience {
			s.giveBack(e)
		}
	}
	s.pump()
	return answer
}

// mayLease reports whether a lease that begins now ends before another process
// can be active.
func (s *Scheduler) mayLease() bool {
	return s.active && (s.cfg.Uptime == nil || s.cfg.Uptime()+s.cfg.Lease <= time.Duration(s.until.Load()))
}

// Forgo gives back a claim that its holder has never seen. One that has locks is left alone.
func (s *Scheduler) Forgo(l jobs.Lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, err := s.current(l); err == nil && e.run.lease != nil && !e.run.lease.locked {
		s.giveBack(e)
		s.pump()
	}
}

// noteLease stores, before the first write, who may write the objects: a process
// that takes the place of this one has to wait for that lease, too.
func (s *Scheduler) noteLease(ctx context.Context, l jobs.Lease, objects []string) error {
	s.mu.Lock()
	e, err := s.current(l)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	known, worker := slices.Equal(e.run.lease.noted, objects), e.run.worker
	s.mu.Unlock()
	if known {
		return nil
	}
	err = s.cfg.Ledger.SetLease(ctx, jobs.Leased{Seq: l.Seq, Epoch: l.Epoch, Holder: l.Holder, Worker: worker, Objects: objects})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, err = s.current(l); err == nil { // else it has ended meanwhile
		e.run.lease.noted = objects
	}
	return err
}

// dropLease forgets the lease of an attempt that ends without a change of its record.
func (s *Scheduler) dropLease(e *entry) {
	if e.run.lease == nil || e.run.lease.noted == nil {
		return
	}
	if err := s.cfg.Ledger.DropLease(e.seq); err != nil { // it is only waited for once more
		s.cfg.Log.Debug("a lease is not forgotten", "seq", e.seq, "error", err)
	}
}

// restoreLeases gives the workers that a former process leased jobs to the time
// of a whole lease to report. Epochs begin anew, above all former ones.
func (s *Scheduler) restoreLeases(ctx context.Context, now time.Time) error {
	list, err := s.cfg.Ledger.Leases()
	if err != nil {
		return fmt.Errorf("read leases: %w", err)
	}
	if s.cfg.Lease < 0 {
		for _, l := range list {
			if e := s.bySeq[l.Seq]; e != nil {
				e.elsewhere = true
			}
		}
		return nil
	}
	term, err := s.cfg.Ledger.NextTerm(ctx)
	if err != nil {
		return fmt.Errorf("begin to give out jobs: %w", err)
	}
	s.epoch = term << 32
	for _, l := range list {
		if e := s.bySeq[l.Seq]; e != nil {
			if err := s.restoreLease(e, l, now); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Scheduler) restoreLease(e *entry, l jobs.Leased, now time.Time) error {
	job, err := s.cfg.Ledger.JobBySeq(e.seq)
	if err != nil {
		return fmt.Errorf("read job %d: %w", e.seq, err)
	}
	job.State, job.Worker = jobs.Running, l.Worker
	if job.StartedAt.IsZero() {
		job.StartedAt = now
	}
	s.lanes.lead(e)
	s.uncold(e)
	e.phase, e.epoch, e.resumed = running, l.Epoch, true
	e.run = &run{hot: &hot{job: job}, worker: l.Worker, slot: -1, lease: &lease{
		holder: l.Holder, since: now, until: now.Add(s.cfg.Lease), locked: true, reread: true, noted: l.Objects,
	}}
	s.leased[e] = struct{}{}
	s.inHand++
	if !s.locks.tryHold(e, l.Objects, now) {
		s.cfg.Log.Error("objects of a lease are held twice, which cannot be; please report it", "job", job.ID)
	}
	return nil
}

// lead puts e at the head of its lane: it is on its way already.
func (ls *lanes) lead(e *entry) {
	l := e.lane
	if l.head == e {
		return
	}
	for at := l.head; at.next != nil; at = at.next {
		if at.next == e {
			if at.next = e.next; at.next == nil {
				l.tail = at
			}
			break
		}
	}
	e.next, l.head = l.head, e
}

// reread reads the message of an attempt that a former process gave out.
func (s *Scheduler) reread(ctx context.Context, e *entry) error {
	if !e.run.restored() {
		return nil
	}
	payload, err := s.payload(ctx, e.seq, e.streamSeq, &e.run.job)
	if err != nil {
		s.cfg.Log.Error("the message of a job cannot be read, it is reported without", "job", e.run.job.ID, "error", err)
		payload = e.run.job.Shell()
	}
	e.run.payload = payload
	return nil
}

// endLeases takes jobs back whose workers were silent for too long. What they
// may have written is not given to another job until it cannot land any more.
func (s *Scheduler) endLeases(ctx context.Context) {
	s.mu.Lock()
	now := s.cfg.Clock()
	var over []*entry
	for e := range s.leased {
		if l := e.run.lease; e.phase == running && !l.ripping && e.run.hot != nil && now.After(l.until) {
			l.ripping = true
			over = append(over, e)
		}
	}
	s.mu.Unlock()
	for _, e := range over {
		go s.endLease(ctx, e, now)
	}
}

func (s *Scheduler) endLease(ctx context.Context, e *entry, now time.Time) {
	s.mu.Lock()
	if e.run == nil || e.run.lease == nil || !e.run.lease.ripping {
		s.mu.Unlock()
		return
	}
	l := jobs.Lease{Seq: e.seq, ID: e.run.job.ID, Epoch: e.epoch, Holder: e.run.lease.holder}
	worker, since := e.run.worker, e.run.lease.since
	var objects []string
	if e.grant != nil && !e.grant.waiting && e.run.lease.locked {
		objects = slices.Clone(e.grant.objects)
	}
	s.mu.Unlock()
	s.cfg.Log.Warn("a worker was silent for too long, its job is given to another", "worker", worker, "job", l.ID, "lease", s.cfg.Lease)
	failure := &jobs.Failure{Class: jobs.ClassExhausted, Code: jobs.CodeCrashed, Message: fmt.Sprintf("the worker %s did not report before its lease of %s ended", worker, s.cfg.Lease)}
	err := s.Finish(ctx, l, jobs.Outcome{Kind: jobs.OutcomeRetry, Failure: failure, Unanswered: objects, StartedAt: since, EndedAt: now})
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Debug("the worker has reported after all", "job", l.ID, "error", err)
	}
}
