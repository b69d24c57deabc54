package schedule

import (
	"testing"

	"dispatcher/jobs"
)

func TestAPauseOutlivesTheProcessAndLetsRunningJobsEnd(t *testing.T) {
	t.Parallel()
	m := newMemory()
	b := newBench(t, m, nil)
	b.feed(t, "a", "b")
	running := b.claim(t)
	for _, want := range []bool{true, false} { // pausing twice is fine
		if isNew, err := b.Pause(t.Context(), ScopeAll, "by o"); err != nil || isNew != want {
			t.Fatalf("%v %v", isNew, err)
		}
	}
	b.none(t)
	b.finish(t, running, succeeded)
	next := newBench(t, m, nil)
	next.Activate()
	next.none(t)
	if h := next.Holds(); len(h) != 1 || h[0].Message != "by o" || h[0].Since.IsZero() {
		t.Errorf("holds %+v", h)
	}
	if ended, err := next.Resume(t.Context(), TypeScope(jobs.TypeUploadAttachment)); err != nil || len(ended) != 0 {
		t.Errorf("of another scope: %v %v", ended, err)
	}
	if ended, err := next.Resume(t.Context(), ""); err != nil || len(ended) != 1 {
		t.Errorf("%v %v", ended, err)
	}
	next.finish(t, next.claim(t), succeeded)
	if b := newBench(t, m, nil); len(b.Holds()) != 0 {
		t.Error("it is paused again")
	}
}

func TestAPauseOfATypeStopsThatOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, newMemory(), nil)
	if _, err := b.Pause(t.Context(), TypeScope(jobs.TypeUploadAttachment), ""); err != nil {
		t.Fatal(err)
	}
	b.feed(t, "a")
	b.finish(t, b.claim(t), succeeded)
	if _, err := b.Pause(t.Context(), TypeScope(jobs.TypeUpdateAppliedControl), ""); err != nil {
		t.Fatal(err)
	}
	b.feed(t, "a")
	b.none(t)
}
