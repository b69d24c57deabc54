package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dispatcher/jobs"
)

// TestAListIsWhatItsFilterMatches: what is looked at without decoding must choose
// no other jobs.
func TestAListIsWhatItsFilterMatches(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	began := time.Unix(1700000000, 0).UTC()
	var all []jobs.Job
	for i := range 60 {
		in := intake(int64(i), fmt.Sprint("key ", i%7))
		job := in.Jobs[0]
		job.ReceivedAt, job.Worker, job.Trace = began.Add(time.Duration(i)*time.Minute), fmt.Sprint("host/", i%3), []string{"", "00-trace"}[i%2]
		switch i % 4 {
		case 0:
			job.Type, job.State, job.Failure, job.FinishedAt = "of another kind", jobs.Failed, jobs.Fail(jobs.CodeUnknownType, "what is this"), began
		case 1:
			job.Source.Key = "key 3" // not its ordering key
		}
		l.mustTake(t, in)
		got, err := l.JobBySeq(job.Seq)
		if err != nil || got.Trace != job.Trace {
			t.Fatalf("%+v %v", got, err)
		}
		all = append(all, got)
	}
	slices.Reverse(all)
	for i, f := range []jobs.Filter{
		{}, {Keys: []string{"key 3"}}, {Keys: []string{"key 3", "key 5"}, Workers: []string{"host/1"}}, {Workers: []string{"host"}}, {Since: began.Add(20 * time.Minute)},
		{Until: began.Add(20 * time.Minute)}, {Since: began.Add(10 * time.Minute), Until: began.Add(40 * time.Minute), States: []jobs.State{jobs.Failed}},
		{Types: []string{"of another kind"}}, {Codes: []jobs.Code{jobs.CodeUnknownType}, Since: began.Add(30 * time.Minute)}, {Search: "WHAT"}, {Search: "\u00a0"}, {Search: "host"},
	} {
		var want []uint64
		for _, job := range all {
			if f.Match(&job) {
				want = append(want, job.Seq)
			}
		}
		page, _, err := l.List(f, 0, 100)
		var got []uint64
		for _, job := range page {
			got = append(got, job.Seq)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("filter %d: %v instead of %v: %v", i, got, want, err)
		}
	}
}

func TestReplaysAreForgottenWhenTheyAreOldAndGoneFromTheTopic(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	now := time.Now()
	id := func(name string, age time.Duration) string {
		return (&jobs.Reported{JobID: name, At: now.Add(-age)}).ReplayID()
	}
	in := jobs.Intake{}
	mark := func(id string) string {
		in.Jobs = append(in.Jobs, &jobs.Job{ID: id, State: jobs.Queued, Submitted: true})
		return id
	}
	for i := range replaysAtOnce + 10 {
		mark(id(fmt.Sprint(i), 50*time.Hour))
	}
	there, fresh, gone := mark(id("there", 40*time.Hour)), mark(id("fresh", time.Hour)), mark(id("gone", 30*time.Hour))
	l.mustTake(t, in)
	n, err := l.ForgetReplays(t.Context(), now.Add(-24*time.Hour), map[string]bool{there: true})
	if err != nil || n != replaysAtOnce+11 || !l.Replayed(there) || !l.Replayed(fresh) || l.Replayed(gone) {
		t.Errorf("%d forgotten, there %v, fresh %v, gone %v: %v", n, l.Replayed(there), l.Replayed(fresh), l.Replayed(gone), err)
	}
}

func TestResultsThatWaitAreCountedOverARestart(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	in := intake(0, "a", "b")
	l.mustTake(t, in)
	for _, job := range in.Jobs {
		e := ended(*job, jobs.Succeeded)
		e.Report, e.Payload = true, []byte("payload")
		if err := l.End(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	waiting, err := l.Results(jobs.Report{}, 1)
	if err == nil {
		err = l.ResultsDelivered(t.Context(), waiting)
	}
	if n := l.Counts().Results; err != nil || n != 1 {
		t.Errorf("%d results wait: %v", n, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n := open(t, l.Path()).Counts().Results; n != 1 {
		t.Errorf("%d results wait after reopening", n)
	}
}
