package control

import (
	"context"
	"fmt"
	"testing"
	"time"

	"dispatcher/jobs"
)

func TestAWatcherSeesChangesInOrderAndIsToldWhatWasTooFast(t *testing.T) {
	t.Parallel()
	f := NewFeed()
	f.Changed(&jobs.Job{ID: "unseen"}) // nobody watches
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	q := WatchQuery{Filter: jobs.Filter{States: []jobs.State{jobs.Running}}}
	a := f.watch(ctx, q)
	if a.Feed == "" || len(a.Changes) > 0 {
		t.Fatalf("at first: %+v", a)
	}
	q.Feed, q.After = a.Feed, a.After
	got := make(chan Changes)
	go func() { got <- f.watch(ctx, q) }()
	f.Changed(&jobs.Job{ID: "other", State: jobs.Queued})
	f.Changed(&jobs.Job{ID: "a", State: jobs.Running})
	a = <-got
	if len(a.Changes) != 1 || a.Changes[0].ID != "a" || a.Changes[0].State != jobs.Running || a.Changes[0].At.IsZero() {
		t.Fatalf("%+v", a)
	}
	q.After = a.After
	for i := range feedSize + 5 {
		f.Changed(&jobs.Job{ID: fmt.Sprint(i), State: jobs.Running})
	}
	if a = f.watch(ctx, q); a.Lost != 5 || len(a.Changes) != MaxPage || a.Changes[0].ID != "5" {
		t.Errorf("lost %d, %d changes", a.Lost, len(a.Changes))
	}
	q.After = a.After
	if a = f.watch(ctx, q); a.Lost != 0 || a.Changes[0].ID != fmt.Sprint(MaxPage+5) {
		t.Errorf("the next page: lost %d, %d changes", a.Lost, len(a.Changes))
	}
	q.Feed = "of a former process"
	if a = f.watch(ctx, q); a.Feed != f.id || a.After != f.end {
		t.Errorf("after a restart: %+v", a)
	}
}
