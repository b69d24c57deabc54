package schedule

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"testing"
	"time"

	"dispatcher/jobs"
)

// memory is a ledger and a stream in memory, shared by the schedulers of a
// test, so that a "restart" is a new scheduler on the same memory.
type memory struct {
	mu         sync.Mutex
	seq        uint64
	jobs       map[uint64]jobs.Job
	steps      map[uint64][]jobs.Step
	attempts   map[uint64][]jobs.Attempt
	kept       map[uint64][]byte
	stream     map[uint64]jobs.Envelope
	purged     map[jobs.Partition]uint64
	quarantine map[string]jobs.Quarantined
	failing    error // what every write answers while it is set
	audits     []jobs.AuditEntry
	owners     map[string]uint64
	seen       uint64 // in the stream
	pauses     []jobs.Hold
	term       uint64
	leases     map[uint64]jobs.Leased
}

func newMemory() *memory {
	return &memory{
		jobs: map[uint64]jobs.Job{}, steps: map[uint64][]jobs.Step{}, attempts: map[uint64][]jobs.Attempt{},
		kept: map[uint64][]byte{}, stream: map[uint64]jobs.Envelope{}, purged: map[jobs.Partition]uint64{},
		quarantine: map[string]jobs.Quarantined{}, owners: map[string]uint64{}, leases: map[uint64]jobs.Leased{},
	}
}

func (m *memory) Take(_ context.Context, in jobs.Intake) ([]jobs.TakeResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	results := make([]jobs.TakeResult, len(in.Jobs))
	for _, j := range in.Jobs {
		m.seq++
		j.Seq = m.seq
		m.jobs[j.Seq] = *j
	}
	m.seen = max(m.seen, in.StreamSeq)
	return results, m.failing
}

func (m *memory) Checkpoint(_ context.Context, seq uint64, steps []jobs.Step, _ bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.steps[seq] = append(m.steps[seq], steps...)
	return m.failing
}

func (m *memory) Update(_ context.Context, job jobs.Job, attempt *jobs.Attempt, steps []jobs.Step, payload []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failing != nil {
		return m.failing
	}
	m.jobs[job.Seq] = job
	delete(m.leases, job.Seq)
	m.steps[job.Seq] = append(m.steps[job.Seq], steps...)
	if attempt != nil {
		m.attempts[job.Seq] = append(m.attempts[job.Seq], *attempt)
	}
	if payload != nil {
		m.kept[job.Seq] = payload
	}
	return nil
}

func (m *memory) End(_ context.Context, list ...jobs.Ending) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failing != nil {
		return m.failing
	}
	for _, e := range list {
		m.jobs[e.Job.Seq] = e.Job
		delete(m.leases, e.Job.Seq)
		m.steps[e.Job.Seq] = append(m.steps[e.Job.Seq], e.Steps...)
		if e.Attempt != nil {
			m.attempts[e.Job.Seq] = append(m.attempts[e.Job.Seq], *e.Attempt)
		}
		if e.Payload != nil {
			m.kept[e.Job.Seq] = e.Payload
		}
		if e.Audit != nil {
			m.audits = append(m.audits, *e.Audit)
		}
	}
	return nil
}

func (m *memory) Reopen(_ context.Context, list []jobs.Job, fromStart bool, audit jobs.AuditEntry) ([]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	done := make([]bool, len(list))
	for i, job := range list {
		done[i] = m.jobs[job.Seq].State.Ended()
		m.jobs[job.Seq] = job
		if fromStart {
			delete(m.steps, job.Seq)
		}
		m.audits = append(m.audits, audit)
	}
	return done, m.failing
}

func (m *memory) NextTerm(context.Context) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.term++
	return m.term, m.failing
}

func (m *memory) Leases() (list []jobs.Leased, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.leases {
		list = append(list, l)
	}
	return list, nil
}

func (m *memory) SetLease(_ context.Context, l jobs.Leased) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failing == nil {
		m.leases[l.Seq] = l
	}
	return m.failing
}

func (m *memory) DropLease(seq uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.leases, seq)
	return nil
}

func (m *memory) Pauses() ([]jobs.Hold, error) { return m.pauses, nil }

func (m *memory) SetPauses(_ context.Context, list []jobs.Hold) error {
	m.pauses = list
	return nil
}

func (m *memory) HasPayload(seq uint64) bool {
	_, err := m.Payload(seq)
	return err == nil
}

func (m *memory) LastSuccess(key string) (last uint64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for seq, j := range m.jobs {
		if j.Key == key && j.State == jobs.Succeeded && seq > last {
			last, ok = seq, true
		}
	}
	return last, ok
}

func (m *memory) Keep(_ context.Context, seq uint64, payload []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept[seq] = payload
	j := m.jobs[seq]
	j.StreamSeq = 0
	m.jobs[seq] = j
	return nil
}

func (m *memory) Quarantine() (list []jobs.Quarantined) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range m.quarantine {
		list = append(list, q)
	}
	return list
}

func (m *memory) SetQuarantine(_ context.Context, add []jobs.Quarantined, remove []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range add {
		m.quarantine[q.Object] = q
	}
	for _, name := range remove {
		delete(m.quarantine, name)
	}
	return nil
}

func (m *memory) Unfinished(fn func(jobs.Job) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var seqs []uint64
	for seq, j := range m.jobs {
		if !j.State.Ended() {
			seqs = append(seqs, seq)
		}
	}
	sort.Slice(seqs, func(a, b int) bool { return seqs[a] < seqs[b] })
	for _, seq := range seqs {
		if err := fn(m.jobs[seq]); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Partitions() []jobs.PartitionState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return []jobs.PartitionState{{Partition: jobs.Partition{Topic: "t"}, StreamSeq: m.seen}}
}

func (m *memory) JobBySeq(seq uint64) (jobs.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j, ok := m.jobs[seq]
	if !ok {
		return j, fmt.Errorf("no job %d", seq)
	}
	return j, nil
}

func (m *memory) Steps(seq uint64) ([]jobs.Step, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]jobs.Step(nil), m.steps[seq]...), nil
}

func (m *memory) OwnKey(_ context.Context, key string, seq uint64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	owner, ok := m.owners[key]
	if ok && m.jobs[owner].State != jobs.Failed {
		return owner, nil
	}
	m.owners[key] = seq
	return seq, nil
}

func (m *memory) Payload(seq uint64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.kept[seq]
	if !ok {
		return nil, fmt.Errorf("no payload of %d", seq)
	}
	return p, nil
}

func (m *memory) Get(_ context.Context, seq uint64) (jobs.Envelope, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	env, ok := m.stream[seq]
	if !ok {
		return env, fmt.Errorf("JOBS %d: %w", seq, jobs.ErrNoPayload)
	}
	return env, nil
}

func (m *memory) Scan(_ context.Context, from uint64, fn func(uint64, jobs.Envelope) error) error {
	for seq := from; seq < from+1000; seq++ {
		m.mu.Lock()
		env, ok := m.stream[seq]
		m.mu.Unlock()
		if ok {
			if err := fn(seq, env); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *memory) Purge(_ context.Context, p jobs.Partition, before uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for seq, env := range m.stream {
		if seq < before && env.Partition == p.ID {
			delete(m.stream, seq)
		}
	}
	m.purged[p] = before
	return nil
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing = err
}

func (m *memory) state(seq uint64) jobs.State {
	j, _ := m.JobBySeq(seq)
	return j.State
}

// bench is a scheduler on a memory, with the means to feed and drive it.
type bench struct {
	*Scheduler
	memory *memory
	offset int64
}

func newBench(t *testing.T, m *memory, change func(*Config)) *bench {
	t.Helper()
	cfg := Config{Ledger: m, Payloads: m, BackoffBase: time.Millisecond, BackoffCap: 2 * time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &bench{Scheduler: s, memory: m}
}

// feed takes one job per key, in this order, and activates the scheduler.
func (b *bench) feed(t *testing.T, keys ...string) []uint64 {
	t.Helper()
	return b.feedType(t, jobs.TypeUpdateAppliedControl, keys...)
}

func (b *bench) feedType(t *testing.T, messageType string, keys ...string) []uint64 {
	t.Helper()
	in := jobs.Intake{Partition: jobs.Partition{Topic: "t"}, From: b.offset}
	var envs []jobs.Envelope
	for _, key := range keys {
		seq := uint64(b.offset) + 1
		env := jobs.Envelope{Topic: "t", Offset: b.offset, Value: []byte(key)}
		b.memory.mu.Lock()
		b.memory.stream[seq] = env
		b.memory.mu.Unlock()
		in.Jobs = append(in.Jobs, &jobs.Job{
			ID: jobs.ID("t", 0, b.offset, 0), State: jobs.Queued, Type: messageType, Key: key,
			Source: jobs.Source{Topic: "t", Offset: b.offset}, StreamSeq: seq, ReceivedAt: time.Now(),
		})
		envs = append(envs, env)
		b.offset++
	}
	in.Next = b.offset
	if err := b.Take(t.Context(), in, envs); err != nil {
		t.Fatal(err)
	}
	b.Activate()
	var seqs []uint64
	for _, j := range in.Jobs {
		seqs = append(seqs, j.Seq)
	}
	return seqs
}

// claim takes the next job, which must be there.
func (b *bench) claim(t *testing.T) *jobs.Claim {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := b.Claim(ctx, "w")
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	return c
}

// none fails if a job can be claimed now.
func (b *bench) none(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	e := b.take(&claimer{worker: "w"})
	b.mu.Unlock()
	if e != nil {
		t.Fatalf("job %d was given out", e.seq)
	}
}

func (b *bench) finish(t *testing.T, c *jobs.Claim, o jobs.Outcome) {
	t.Helper()
	o.StartedAt, o.EndedAt = time.Now(), time.Now()
	if err := b.Finish(t.Context(), c.Lease, o); err != nil {
		t.Fatalf("finish %s: %v", c.ID, err)
	}
}

func (b *bench) reopen(t *testing.T, job jobs.Job, r Reopening) error {
	t.Helper()
	return b.Reopen(t.Context(), []jobs.Job{job}, r)[0]
}

var succeeded = jobs.Outcome{Kind: jobs.OutcomeSucceeded}

func retry() jobs.Outcome {
	return jobs.Outcome{Kind: jobs.OutcomeRetry, Failure: &jobs.Failure{Class: jobs.ClassPermanent, Code: jobs.CodeRejected, Message: "503"}}
}
