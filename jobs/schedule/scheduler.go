package schedule

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"dispatcher/jobs"
)

// crashesAlone and crashesFatal are how often a job may be in hand at an
// unclean end of the process before it runs alone, and before it fails.
const (
	crashesAlone = 2
	crashesFatal = 3
)

// Scheduler holds all unfinished jobs. It is safe for concurrent use. Create
// one with [New], fill it with [Scheduler.Load], and run its upkeep with
// [Scheduler.Run].
type Scheduler struct {
	cfg   Config
	slots *slotFile

	pausing    sync.Mutex // one operator pauses or resumes at a time
	mu         sync.Mutex
	bySeq      map[uint64]*entry
	lanes      lanes
	ready      readyQueues
	due        dueHeap
	leased     map[*entry]struct{} // in the hands of workers on other hosts
	locks      lockTable
	holds      holds
	parked     map[jobs.Reason][]*entry
	partitions partitionIndex
	claimers   []*claimer
	epoch      uint64
	inHand     int          // running and ending
	stuck      atomic.Int32 // writes to the store that are being repeated
	aloneSeq   uint64
	active     bool
	until      atomic.Int64    // nobody else is active before, see Renew
	revoked    context.Context // ends when running jobs must stop at once
	revoke     context.CancelFunc
	idle       chan struct{} // closed and renewed whenever inHand falls to 0
	room       chan struct{} // closed when a job leaves; nil: nobody waits
	cached     int64         // bytes of hot payloads
	cold       int           // waiting jobs that never were hot
	wanted     chan struct{} // closed when the next messages are wanted; nil: nobody waits
	warming    sync.Mutex
	waking     *time.Timer
	onFailed   func() // an error record waits in the outbox
	onResult   func() // a result waits
	onEnded    func(*jobs.Job)
	onChanged  func(*jobs.Job)
	rates      rates // of ended jobs
	arrivals   rates
}

// New returns a scheduler that holds no jobs and is not active.
func New(cfg Config) (*Scheduler, error) {
	cfg.setDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Scheduler{
		cfg:       cfg,
		bySeq:     make(map[uint64]*entry),
		lanes:     newLanes(),
		ready:     newReadyQueues(),
		locks:     newLockTable(),
		leased:    make(map[*entry]struct{}),
		holds:     newHolds(),
		parked:    make(map[jobs.Reason][]*entry),
		idle:      make(chan struct{}),
		onResult:  func() {},
		onFailed:  func() {},
		onEnded:   func(*jobs.Job) {},
		onChanged: func(*jobs.Job) {},
	}
	s.revoked, s.revoke = context.WithCancel(context.Background())
	s.waking = time.AfterFunc(time.Hour, s.wake)
	s.waking.Stop()
	return s, nil
}

// OnFailed has fn called, without locks held, after a failed job is stored.
func (s *Scheduler) OnFailed(fn func()) { s.onFailed = fn }

// OnResult has fn called, without locks held, after the success of a job is
// stored that is to be reported.
func (s *Scheduler) OnResult(fn func()) { s.onResult = fn }

// OnEnded has fn called, without locks held, after an ended job is stored. It must
// not keep nor change the job.
func (s *Scheduler) OnEnded(fn func(*jobs.Job)) { s.onEnded = fn }

// OnChanged has fn called with each new state of a job. It must not block nor
// call the scheduler, which may hold its lock.
func (s *Scheduler) OnChanged(fn func(*jobs.Job)) { s.onChanged = fn }

// tellEnded tells that a job has ended.
func (s *Scheduler) tellEnded(job *jobs.Job) {
	s.onChanged(job)
	s.onEnded(job)
}

// Load takes over the ledger's unfinished jobs, and those that were in hand
// when the last process ended unclean. Call it once, before anything else.
func (s *Scheduler) Load(ctx context.Context) error {
	slots, inHand, err := openSlots(s.cfg.SlotFile)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("open slot file: %w; run this as the owner of the data directory, and give back the rights", err)
	}
	if err != nil {
		return fmt.Errorf("open slot file: %w", err)
	}
	s.slots = slots
	pauses, err := s.cfg.Ledger.Pauses()
	if err != nil {
		return fmt.Errorf("read what operators paused: %w", err)
	}
	for _, hold := range pauses {
		s.SetHold(hold)
	}
	if err := s.blame(ctx, inHand); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lands := make(map[uint64]int64)
	for _, q := range s.cfg.Ledger.Quarantine() {
		s.locks.quarantine(q)
		lands[q.Seq] = max(lands[q.Seq], q.Until.UnixNano())
	}
	now := s.cfg.Clock()
	err = s.cfg.Ledger.Unfinished(func(job jobs.Job) error {
		e := s.adopt(&job, nil)
		e.resumed = job.Attempts > 0 || job.Crashes > 0 || !job.StartedAt.IsZero()
		e.lands = lands[job.Seq]
		return nil
	})
	if err != nil {
		return fmt.Errorf("load unfinished jobs: %w", err)
	}
	for _, p := range s.cfg.Ledger.Partitions() {
		s.partitions.seen(p.Partition, p.StreamSeq)
	}
	if err := s.restoreLeases(ctx, now); err != nil {
		return err
	}
	for _, l := range s.lanes.byHash {
		s.promote(l.head, now)
	}
	s.reorder()
	return nil
}

// reorder sorts what is ready by age: lanes were promoted in no order.
func (s *Scheduler) reorder() {
	for kind := range s.ready.byKind {
		s.ready.byKind[kind].sortBySeq()
	}
	s.ready.alone.sortBySeq()
	for kind := range s.ready.byKind {
		q := &s.ready.byKind[kind]
		for i := range q.n {
			e := q.items[(q.head+i)%len(q.items)]
			e.ticket = e.seq
			s.ready.ticket = max(s.ready.ticket, e.seq)
		}
	}
}

// adopt makes the entry of an unfinished job, in its lane, behind.
func (s *Scheduler) adopt(job *jobs.Job, payload *jobs.Envelope) *entry {
	e := &entry{
		seq:       job.Seq,
		streamSeq: job.StreamSeq,
		offset:    job.Source.Offset,
		kind:      kindOf(job.Type),
		crashes:   uint8(min(job.Crashes, crashesFatal)),
		retrying:  job.State == jobs.Retrying,
		inKafka:   job.InKafka(),
		partition: s.partitions.index(job.Source.KafkaPartition()),
	}
	if !job.NextAttemptAt.IsZero() {
		e.due = job.NextAttemptAt.UnixNano()
	}
	s.bySeq[e.seq] = e
	s.partitions.add(e)
	s.keepHot(e, job, payload)
	s.lanes.insert(job.Key, e)
	return e
}

// keepHot keeps record and payload in memory as long as there is room: the
// jobs that came first are the first to run.
func (s *Scheduler) keepHot(e *entry, job *jobs.Job, payload *jobs.Envelope) {
	if payload == nil || s.cold > 0 || !s.heat(e, job, payload) { // those before it come first
		e.cold = true
		s.cold++
	}
}

// heat keeps record and payload of e if there is room.
func (s *Scheduler) heat(e *entry, job *jobs.Job, payload *jobs.Envelope) bool {
	size := int64(len(payload.Value)+len(payload.Key)) + 512
	if s.cached+size > s.cfg.CacheBytes && s.cached > 0 {
		return false
	}
	s.cached += size
	s.uncold(e)
	e.hot = &hot{job: *job, payload: *payload, bytes: size}
	return true
}

// promote lets the head of a lane go on: at once, or when its backoff is over.
func (s *Scheduler) promote(head *entry, now time.Time) {
	if head == nil || head.phase != behind {
		return
	}
	if head.due > now.UnixNano() {
		s.backOff(head)
		return
	}
	s.ready.push(head)
}

// backOff parks e until its due time.
func (s *Scheduler) backOff(e *entry) {
	e.phase = waiting
	heap.Push(&s.due, e)
	s.armWake()
}

// armWake has wake called when the next backoff or quarantine ends.
func (s *Scheduler) armWake() {
	at := s.locks.nextRelease()
	if len(s.due) > 0 && (at == 0 || s.due[0].due < at) {
		at = s.due[0].due
	}
	if at == 0 {
		return
	}
	s.waking.Reset(max(0, time.Unix(0, at).Sub(s.cfg.Clock())))
}

// wake moves what is due to the ready queues.
func (s *Scheduler) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Clock()
	for e := s.due.popDue(now.UnixNano()); e != nil; e = s.due.popDue(now.UnixNano()) {
		if e.phase != waiting {
			continue
		}
		e.phase = behind
		if e.lane.head == e {
			s.ready.push(e)
		}
	}
	s.grantLocks(now)
	s.pump()
	s.armWake()
}

// forget drops e for good and lets the next of its lane go on.
func (s *Scheduler) forget(e *entry, now time.Time) {
	e.phase = gone
	e.unwish()
	delete(s.bySeq, e.seq)
	s.partitions.remove(e)
	s.dropHot(e)
	s.uncold(e)
	s.promote(s.lanes.remove(e), now)
	s.tellWanted()
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}

func (s *Scheduler) dropHot(e *entry) {
	if e.hot != nil {
		s.cached -= e.hot.bytes
		e.hot = nil
	}
}

// uncold ends that new jobs wait for e to be read into memory before them.
func (s *Scheduler) uncold(e *entry) {
	if e.cold {
		e.cold = false
		s.cold--
	}
}
