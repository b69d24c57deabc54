package schedule

import (
	"fmt"
	"testing"

	"dispatcher/jobs"
)

func keysOf(prefix string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprint(prefix, i)
	}
	return keys
}

func TestABacklogOfOneTypeDoesNotStarveAnother(t *testing.T) {
	t.Parallel()
	b := newBench(t, newMemory(), nil)
	b.feedType(t, jobs.TypeUploadAttachment, keysOf("upload-", 500)...)
	var slots []*jobs.Claim
	for range 8 { // all slots are taken by the backlog
		slots = append(slots, b.claim(t))
	}
	b.feedType(t, jobs.TypeUpdateAppliedControl, keysOf("update-", 20)...)
	held := map[string]int{jobs.TypeUploadAttachment: 8}
	for range 8 { // each slot that becomes free
		b.finish(t, slots[0], succeeded)
		held[slots[0].Job.Type]--
		c := b.claim(t)
		held[c.Job.Type]++
		slots = append(slots[1:], c)
	}
	if held[jobs.TypeUploadAttachment] != 4 || held[jobs.TypeUpdateAppliedControl] != 4 {
		t.Errorf("slots by type: %v, want half each", held)
	}
}

func TestABacklogOfOneKeyDoesNotStarveAnother(t *testing.T) {
	t.Parallel()
	b := newBench(t, newMemory(), nil)
	hot := make([]string, 500)
	for i := range hot {
		hot[i] = "hot"
	}
	b.feed(t, hot...)
	last := b.feed(t, "lone")[0]
	b.claim(t)
	if c := b.claim(t); c.Seq != last {
		t.Errorf("claimed %d, want the lone key's %d", c.Seq, last)
	}
}
