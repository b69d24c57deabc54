package workers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
	"dispatcher/workers/attachment"
	"dispatcher/workers/ciso"
)

// fakeClaims gives out claims and keeps what is reported, in memory.
type fakeClaims struct {
	queue chan *jobs.Claim

	mu       sync.Mutex
	kept     map[uint64][]jobs.Step // checkpoints, by job
	synced   []string               // names of steps of each synced checkpoint
	flushes  int                    // checkpoints that were not synced
	locks    [][]string             // of each call of Lock
	refuse   map[string]bool        // objects that others hold
	outcomes map[uint64]jobs.Outcome
	ended    chan uint64
}

func newClaims() *fakeClaims {
	return &fakeClaims{
		queue: make(chan *jobs.Claim, 100), kept: make(map[uint64][]jobs.Step), refuse: make(map[string]bool),
		outcomes: make(map[uint64]jobs.Outcome), ended: make(chan uint64, 100),
	}
}

func (f *fakeClaims) Claim(ctx context.Context, worker string) (*jobs.Claim, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	select {
	case c := <-f.queue:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *fakeClaims) Lock(_ context.Context, _ jobs.Lease, objects []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.locks = append(f.locks, objects)
	for _, o := range objects {
		if f.refuse[o] {
			return fmt.Errorf("%s: %w", o, jobs.ErrLocked)
		}
	}
	return nil
}

func (f *fakeClaims) Checkpoint(_ context.Context, lease jobs.Lease, steps []jobs.Step, sync bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept[lease.Seq] = merge(f.kept[lease.Seq], steps)
	if !sync {
		f.flushes++
		return nil
	}
	for _, s := range steps {
		f.synced = append(f.synced, s.Name+" "+string(s.State))
	}
	return nil
}

func (f *fakeClaims) Finish(ctx context.Context, lease jobs.Lease, o jobs.Outcome) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	f.outcomes[lease.Seq] = o
	f.kept[lease.Seq] = merge(f.kept[lease.Seq], o.Steps)
	f.mu.Unlock()
	f.ended <- lease.Seq
	return nil
}

// merge replaces steps of the same name.
func merge(all, steps []jobs.Step) []jobs.Step {
	all = slices.Clone(all)
	for _, s := range steps {
		all = slices.DeleteFunc(all, func(old jobs.Step) bool { return old.Name == s.Name })
		all = append(all, s)
	}
	return all
}

// fakeHolds notes holds.
type fakeHolds struct {
	mu  sync.Mutex
	set map[jobs.Reason]jobs.Hold
}

func (h *fakeHolds) SetHold(hold jobs.Hold) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, known := h.set[hold.Reason]
	if h.set == nil {
		h.set = make(map[jobs.Reason]jobs.Hold)
	}
	h.set[hold.Reason] = hold
	return !known
}

func (h *fakeHolds) ClearHold(reason jobs.Reason, scope string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, known := h.set[reason]
	delete(h.set, reason)
	return known
}

func (h *fakeHolds) has(reason jobs.Reason) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, known := h.set[reason]
	return known
}

func away(context.Context) error { return fmt.Errorf("still away") }

func newGate(h Holds) *Gate {
	return &Gate{Holds: h, Log: slog.New(slog.DiscardHandler), Clock: time.Now, Probe: map[jobs.Reason]func(context.Context) error{
		jobs.HoldAPIDown: away, jobs.HoldAuth: away, jobs.HoldS3Down: away,
	}}
}

// world is a stand-in API with a pool before it.
type world struct {
	*fakeClaims
	t      testing.TB
	api    *fakeciso.Server
	client *ciso.Client
	holds  *fakeHolds
	pool   *Pool
	spool  attachment.Spool
	files  *fakeFiles
	seq    uint64
}

// fakeFiles serves files by key and by URL.
type fakeFiles struct {
	attachment.Spool
	content map[string]string // by key or URL
	err     error
	fetches int
}

func (f *fakeFiles) FromBucket(_ context.Context, bucket, key string) (*attachment.File, error) {
	return f.fetch(bucket + "/" + key)
}

func (f *fakeFiles) FromURL(_ context.Context, url string) (*attachment.File, error) {
	return f.fetch(url)
}

func (f *fakeFiles) fetch(name string) (*attachment.File, error) {
	f.fetches++
	content, ok := f.content[name]
	switch {
	case f.err != nil:
		return nil, f.err
	case !ok:
		return nil, jobs.Fail(jobs.CodeFileMissing, "%s does not exist", name)
	}
	return f.FromBase64(base64.StdEncoding.EncodeToString([]byte(content)))
}

func newWorld(t testing.TB, cfg fakeciso.Config) *world {
	t.Helper()
	w := &world{t: t, api: fakeciso.New(cfg), fakeClaims: newClaims(), holds: &fakeHolds{}, spool: attachment.Spool{Dir: t.TempDir()}}
	base, err := w.api.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.api.Close() })
	w.client, err = ciso.New(ciso.Config{
		URL: base, Timeout: 2 * time.Second, UploadTimeout: 2 * time.Second, Credentials: ciso.Credentials{Token: func() string { return "admin-token" }},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.client.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.files = &fakeFiles{Spool: w.spool, content: make(map[string]string)}
	w.newPool(w.claims(), "")
	return w
}

func (w *world) claims() Claims { return w.fakeClaims }

func (w *world) newPool(claims Claims, defaultFolder string) {
	w.t.Helper()
	var err error
	w.pool, err = NewPool(PoolConfig{
		Claims: claims, Gate: newGate(w.holds), Name: "test", Concurrency: 8, Grace: time.Second,
		Workflows: NewWorkflows(w.client, w.files, defaultFolder),
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// claim returns the first claim of a new job.
func (w *world) claim(message string) *jobs.Claim {
	w.seq++
	id := fmt.Sprint("observation-0-", w.seq)
	return &jobs.Claim{
		Lease: jobs.Lease{Seq: w.seq, ID: id, Epoch: 1}, Job: jobs.Job{ID: id, Seq: w.seq, Type: typeOf(message)},
		Payload: jobs.Envelope{Value: []byte(message)},
	}
}

func typeOf(message string) string {
	var m struct {
		Type string `json:"message_type"`
	}
	_ = json.Unmarshal([]byte(message), &m)
	return m.Type
}

// attempt carries out a claim and stores its outcome, as the pool's loop does.
func (w *world) attempt(claim *jobs.Claim) jobs.Outcome {
	w.t.Helper()
	o := w.crash(claim)
	w.kept[claim.Seq] = merge(w.kept[claim.Seq], o.Steps)
	return o
}

// crash carries out a claim, and its outcome is lost.
func (w *world) crash(claim *jobs.Claim) jobs.Outcome {
	w.t.Helper()
	o := w.pool.attempt(w.t.Context(), claim)
	if left, err := os.ReadDir(w.spool.Dir); len(left) > 0 || err != nil {
		w.t.Errorf("spool holds %v, %v", left, err)
	}
	return o
}

// resume returns the next claim of the same job, with what is stored.
func (w *world) resume(claim *jobs.Claim) *jobs.Claim {
	next := *claim
	next.Epoch++
	next.Resumed = true
	next.Job.Attempts++
	next.Steps = slices.Clone(w.kept[claim.Seq])
	return &next
}

// do carries out a new job once.
func (w *world) do(message string) jobs.Outcome {
	w.t.Helper()
	return w.attempt(w.claim(message))
}

// succeed fails the test unless the job succeeds.
func (w *world) succeed(message string) jobs.Outcome {
	w.t.Helper()
	o := w.do(message)
	if o.Kind != jobs.OutcomeSucceeded {
		w.t.Fatalf("%s: %s", message, describe(o))
	}
	return o
}

// describe spells an outcome so that tables can compare it.
func describe(o jobs.Outcome) string {
	switch o.Kind {
	case jobs.OutcomeSucceeded:
		return "succeeded"
	case jobs.OutcomeFailed:
		return "failed " + string(o.Failure.Code)
	case jobs.OutcomeRetry:
		return "retry"
	case jobs.OutcomeHeld:
		return "held " + string(o.Reason)
	case jobs.OutcomeLocked:
		return "locked"
	case jobs.OutcomeReturned:
		return "returned"
	}
	return "nothing"
}

// why is the message of an outcome's failure.
func why(o jobs.Outcome) string {
	if o.Failure == nil {
		return ""
	}
	return o.Failure.Message
}
