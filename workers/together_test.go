package workers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
)

// exclusive is fakeClaims with locks that exclude: an attempt that wants what
// another one holds is given out again when something is released.
type exclusive struct {
	*fakeClaims
	mu      sync.Mutex
	holder  map[string]uint64
	waiting []*jobs.Claim
	claims  map[uint64]*jobs.Claim
}

func (e *exclusive) Claim(ctx context.Context, worker string) (*jobs.Claim, error) {
	c, err := e.fakeClaims.Claim(ctx, worker)
	if err == nil {
		e.mu.Lock()
		kept := *c // the worker's own may be changed
		e.claims[c.Seq] = &kept
		e.mu.Unlock()
	}
	return c, err
}

func (e *exclusive) Lock(_ context.Context, lease jobs.Lease, objects []string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range objects {
		if h, held := e.holder[o]; held && h != lease.Seq {
			return jobs.ErrLocked
		}
	}
	e.release(lease.Seq)
	for _, o := range objects {
		e.holder[o] = lease.Seq
	}
	return nil
}

func (e *exclusive) release(seq uint64) {
	for o, h := range e.holder {
		if h == seq {
			delete(e.holder, o)
		}
	}
}

func (e *exclusive) Finish(ctx context.Context, lease jobs.Lease, o jobs.Outcome) error {
	e.mu.Lock()
	e.release(lease.Seq)
	again := e.waiting
	e.waiting = nil
	if o.Kind == jobs.OutcomeLocked {
		e.waiting = append(e.waiting, e.claims[lease.Seq])
		if len(e.holder) == 0 { // nobody is left who would wake it
			again, e.waiting = append(again, e.waiting...), nil
		}
	}
	e.mu.Unlock()
	for _, c := range again {
		e.queue <- c
	}
	if o.Kind == jobs.OutcomeLocked {
		return nil
	}
	return e.fakeClaims.Finish(ctx, lease, o)
}

// runAll carries out messages with a pool of 8 and fails if one does not
// succeed.
func runAll(t *testing.T, w *world, messages []string) {
	t.Helper()
	claims := &exclusive{fakeClaims: w.fakeClaims, holder: make(map[string]uint64), claims: make(map[uint64]*jobs.Claim)}
	w.newPool(claims, "")
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { w.pool.Run(ctx) })
	for _, message := range messages {
		w.queue <- w.claim(message)
	}
	for range messages {
		select {
		case seq := <-w.ended:
			if got := w.outcome(seq); got != "succeeded" {
				t.Errorf("job %d: %s", seq, got)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the jobs do not end")
		}
	}
	stop()
	group.Wait()
}

func TestParallelUploadsOfOneNameMakeOneEvidenceAndLoseNoFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{RaceWindow: 3 * time.Millisecond})
	control := w.api.AddControl(m{"ref_id": "foo", "name": "Foo"})
	var messages, want []string
	for i := range 12 {
		content := fmt.Sprint("content ", i%10) // some twice
		name := []string{"a.txt", "A.TXT"}[i%2]
		messages = append(messages, uploadOf(name, content, m{"applied_controls": m{"ref_id": "foo"}, "folder": "global"}))
		want = append(want, content)
	}
	runAll(t, w, messages)
	slices.Sort(want)
	var got []string
	for _, name := range []string{"a.txt", "A.TXT"} {
		got = append(got, w.stored(name)...)
	}
	slices.Sort(got)
	if got := slices.Compact(got); !slices.Equal(got, slices.Compact(want)) {
		t.Errorf("files %q", got)
	}
	if n := len(w.api.Objects("evidences")); n != 1 {
		t.Errorf("%d evidences", n)
	}
	if links := w.api.Object("applied-controls", control)["evidences"].([]any); len(links) != 1 {
		t.Errorf("links %v", links)
	}
}

func TestParallelJobsOnOneObjectLoseNoField(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{RaceWindow: 3 * time.Millisecond})
	id := w.api.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	fields := map[string]string{"observation": "o", "status": "active", "category": "policy", "effort": "XL", "description": "d", "link": "https://x"}
	var messages []string
	for field, value := range fields {
		messages = append(messages, fmt.Sprintf(`{"message_type":"update_applied_control","selector":{"id":%q},"values":{%q:%q}}`, id, field, value))
	}
	for i := range 6 {
		messages = append(messages, uploadOf(fmt.Sprintf("f%d.txt", i), fmt.Sprint(i), m{"applied_controls": m{"id": id}}))
	}
	runAll(t, w, messages)
	object := w.api.Object("applied-controls", id)
	for field, value := range fields {
		if object[field] != value {
			t.Errorf("%s is %v", field, object[field])
		}
	}
	if links := object["evidences"].([]any); len(links) != 6 {
		t.Errorf("links %v", links)
	}
}
