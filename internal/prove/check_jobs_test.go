package main

import (
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
)

// A worker made an attempt for a host that stood still and was told its end only when
// the next one had begun, and failed the same job. One directory alone has one end.
func TestAnAttemptWhoseEndAStoppedHostLearnsLateIsARepeatOfAnotherDirectoryOnly(t *testing.T) {
	t.Parallel()
	began := time.Now()
	after := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	for name, c := range map[string]struct {
		other string
		moved bool
		want  bool
	}{
		"two directories":           {other: "b", moved: true, want: true},
		"the same directory":        {other: "a", moved: true},
		"two that worked at a time": {other: "b"},
	} {
		o := &oracle{know: newKnowledge(), asked: map[string][]fakeciso.Entry{"j": {{Start: after(1)}}}}
		o.know.learn("a", []job{{ID: "j", State: "failed", FinishedAt: after(6)}})
		o.know.learn(c.other, []job{{ID: "j", State: "failed", FinishedAt: after(7)}})
		if c.moved {
			o.know.passes(after(5))
		}
		if o.failedTwice("j", after(7), after(6)) != c.want {
			t.Errorf("%s: not %v", name, c.want)
		}
	}
}
