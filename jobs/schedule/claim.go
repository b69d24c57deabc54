package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dispatcher/internal/safeguard"
	"dispatcher/jobs"
)

// claimer is a worker that waits for a job.
type claimer struct {
	worker string
	holder string      // [jobs.Lease.Holder]
	got    chan *entry // one, sent under the lock
}

// Claim returns the next job that worker may carry out, and waits for one as
// long as ctx lives. The job is the worker's until it calls Finish.
func (s *Scheduler) Claim(ctx context.Context, worker string) (*jobs.Claim, error) {
	return s.claim(ctx, &claimer{worker: worker})
}

func (s *Scheduler) claim(ctx context.Context, c *claimer) (*jobs.Claim, error) {
	for {
		e, err := s.next(ctx, c)
		if err != nil {
			return nil, err
		}
		claim, err := s.begin(ctx, e, c)
		if err == nil {
			return claim, nil
		}
		if !errors.Is(err, errNotRunnable) {
			return nil, err
		}
	}
}

// errNotRunnable says that a job came to an end while it was being claimed.
var errNotRunnable = errors.New("job cannot run")

// next waits for an entry; it is running from then on.
func (s *Scheduler) next(ctx context.Context, c *claimer) (*entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if e := s.take(c); e != nil {
		s.mu.Unlock()
		return e, nil
	}
	c.got = make(chan *entry, 1)
	s.claimers = append(s.claimers, c)
	s.mu.Unlock()
	select {
	case e := <-c.got:
		return e, nil
	case <-ctx.Done():
		return nil, s.withdraw(ctx, c)
	}
}

// withdraw takes c off the list; what it was given meanwhile goes back.
func (s *Scheduler) withdraw(ctx context.Context, c *claimer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.claimers, c); i >= 0 {
		s.claimers = slices.Delete(s.claimers, i, i+1)
		return ctx.Err()
	}
	e := <-c.got
	s.giveBack(e)
	s.pump()
	return ctx.Err()
}

// take marks the next eligible entry as running; nil if there is none.
func (s *Scheduler) take(c *claimer) *entry {
	if !s.active || s.aloneSeq != 0 || s.lapsed() || c.holder != "" && !s.mayLease() {
		return nil
	}
	eligible := func(kind uint8) bool { return s.holds.pass(kinds[kind], c.worker) }
	e := s.ready.nextAlone(eligible)
	switch {
	case e != nil && s.inHand > 0: // it waits until nothing else is in hand
		s.ready.alone.pushFront(e)
		return nil
	case e != nil:
		s.aloneSeq = e.seq
	default:
		if e = s.ready.next(eligible); e == nil {
			return nil
		}
	}
	s.epoch++
	e.epoch = s.epoch
	e.phase = running
	e.run = &run{worker: c.worker, slot: -1}
	if c.holder != "" {
		now := s.cfg.Clock()
		e.run.lease = &lease{holder: c.holder, since: now, until: now.Add(s.cfg.Lease)}
		s.leased[e] = struct{}{}
	}
	s.inHand++
	s.ready.inHand[e.kind]++
	s.tellWanted()
	return e
}

// pump hands ready jobs to waiting workers.
func (s *Scheduler) pump() {
	refused := make(map[string]bool, 2) // workers, for whom there is nothing now
	for i := 0; i < len(s.claimers); {
		c := s.claimers[i]
		if refused[c.worker] {
			i++
			continue
		}
		e := s.take(c)
		if e == nil {
			refused[c.worker] = true // there may be something for others: holds concern single workers, too
			i++
			continue
		}
		s.claimers = slices.Delete(s.claimers, i, i+1)
		c.got <- e
	}
}

// begin reads what the worker needs and marks the job as in hand.
func (s *Scheduler) begin(ctx context.Context, e *entry, c *claimer) (*jobs.Claim, error) {
	if c.holder == "" { // a worker on another host outlives an unclean end
		if err := s.takeSlot(ctx, e); err != nil {
			return nil, s.noMaterial(ctx, e, err)
		}
	}
	h, steps, err := s.material(ctx, e)
	if err != nil {
		return nil, s.noMaterial(ctx, e, err)
	}
	if done, err := s.repeats(ctx, e, h); err != nil || done {
		return nil, errors.Join(err, errNotRunnable)
	}
	now := s.cfg.Clock()
	if h.job.StartedAt.IsZero() {
		h.job.StartedAt = now
	}
	h.job.State, h.job.Worker = jobs.Running, c.worker
	s.mu.Lock()
	defer s.mu.Unlock()
	e.run.hot = h
	s.slots.mark(e.run.slot, e.seq, nil)
	s.onChanged(&h.job)
	claim := &jobs.Claim{
		Lease:    jobs.Lease{Seq: e.seq, ID: h.job.ID, Epoch: e.epoch, Holder: c.holder},
		Job:      h.job,
		Payload:  h.payload,
		Steps:    steps,
		Resumed:  e.resumed,
		Revoked:  s.revoked,
		Canceled: func() bool { return e.canceling.Load() != nil },
		Lapsed:   s.lapsed,
	}
	if e.lands > now.UnixNano() {
		claim.LandsBy = time.Unix(0, e.lands)
	}
	if e.grant != nil {
		claim.Granted = slices.Clone(e.grant.objects)
	}
	return claim, nil
}

// takeSlot waits until a claimed job has a place in the slot file, however long
// the disk is full.
func (s *Scheduler) takeSlot(ctx context.Context, e *entry) error {
	return s.untilStored(ctx, func() error {
		slot, err := s.slots.take()
		if err != nil {
			return fmt.Errorf("mark %d as in hand: %w", e.seq, err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		e.run.slot = slot
		return nil
	})
}

// material reads the record, the payload and the steps of a claimed job.
func (s *Scheduler) material(ctx context.Context, e *entry) (h *hot, steps []jobs.Step, err error) {
	h, resumed, streamSeq := s.takeHot(e)
	if h == nil && streamSeq != 0 {
		s.warm(ctx, e, streamSeq)
		h, _, _ = s.takeHot(e)
	}
	if resumed {
		if steps, err = s.cfg.Ledger.Steps(e.seq); err != nil {
			return nil, nil, fmt.Errorf("read steps of job %d: %w", e.seq, err)
		}
	}
	if h != nil {
		return h, steps, nil
	}
	h = new(hot)
	if h.job, err = s.cfg.Ledger.JobBySeq(e.seq); err != nil {
		return nil, nil, fmt.Errorf("read job %d: %w", e.seq, err)
	}
	h.payload, err = s.payload(ctx, e.seq, streamSeq, &h.job)
	return h, steps, err
}

// takeHot takes what is kept in memory of e.
func (s *Scheduler) takeHot(e *entry) (h *hot, resumed bool, streamSeq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h = e.hot
	s.dropHot(e)
	s.uncold(e)
	return h, e.resumed, e.streamSeq
}

// payload reads a job's message from JOBS, or from the ledger when it was
// moved there.
func (s *Scheduler) payload(ctx context.Context, seq, streamSeq uint64, job *jobs.Job) (jobs.Envelope, error) {
	if streamSeq == 0 {
		encoded, err := s.cfg.Ledger.Payload(seq)
		if err != nil {
			return jobs.Envelope{}, fmt.Errorf("read payload of %s from the ledger: %w", job.ID, err)
		}
		return jobs.DecodeEnvelope(encoded)
	}
	return s.fromJOBS(ctx, streamSeq, job)
}

// giveBack makes a claimed job ready again as if nothing had been.
func (s *Scheduler) giveBack(e *entry) {
	s.leaveHand(e)
	s.requeue(e)
}

// requeue makes e ready unless an older job of its lane came meanwhile.
func (s *Scheduler) requeue(e *entry) {
	if e.lane.head != e {
		e.phase = behind
		s.promote(e.lane.head, s.cfg.Clock())
		return
	}
	s.ready.push(e)
}

// leaveHand ends the entry's run.
func (s *Scheduler) leaveHand(e *entry) {
	if e.run != nil && e.run.slot >= 0 {
		s.slots.clear(e.run.slot)
	}
	delete(s.leased, e)
	e.run = nil
	if e.canceling.Load() != nil {
		go s.settle(e)
	}
	if s.aloneSeq == e.seq {
		s.aloneSeq = 0
	}
	s.inHand--
	s.ready.inHand[e.kind]--
	if s.inHand == 0 {
		close(s.idle)
		s.idle = make(chan struct{})
	}
}

// current returns the running entry of lease, or ErrStale: also while it is still being
// read, when nobody can have the lease yet.
func (s *Scheduler) current(lease jobs.Lease) (*entry, error) {
	e := s.bySeq[lease.Seq]
	if e == nil || e.phase != running || e.epoch != lease.Epoch && !safeguard.Off("epochs") || e.run == nil || e.run.hot == nil || e.run.holder() != lease.Holder {
		return nil, fmt.Errorf("job %s: %w", lease.ID, jobs.ErrStale)
	}
	return e, nil
}

// Checkpoint records steps of a running job. With sync it returns after the
// sync, else at once.
func (s *Scheduler) Checkpoint(ctx context.Context, lease jobs.Lease, steps []jobs.Step, sync bool) error {
	s.mu.Lock()
	e, err := s.current(lease)
	if err == nil {
		e.resumed = true // from now on an attempt may have had effects
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.cfg.Ledger.Checkpoint(ctx, lease.Seq, steps, sync)
}
