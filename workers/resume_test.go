package workers

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
)

// TestAnUploadThatDiesAnywhereIsFinishedOnce runs an upload and loses it at
// every request, with and without the request's effect; the second attempt has
// what was stored by then.
func TestAnUploadThatDiesAnywhereIsFinishedOnce(t *testing.T) {
	t.Parallel()
	for name, selector := range map[string]map[string]any{"by name": nil, "by selector": {"name": "there.txt"}} {
		for _, exists := range []bool{true, false} {
			if selector != nil && !exists {
				continue
			}
			for request := range 8 {
				for _, effect := range []fakeciso.FaultKind{fakeciso.ResetBefore, fakeciso.ResetAfter} {
					t.Run(fmt.Sprint(name, " exists=", exists, " request ", request, " ", effect), func(t *testing.T) {
						t.Parallel()
						dieAndResume(t, selector, exists, request, effect)
					})
				}
			}
		}
	}
}

func dieAndResume(t *testing.T, selector map[string]any, exists bool, request int, effect fakeciso.FaultKind) {
	w := newWorld(t, fakeciso.Config{})
	other := w.api.AddEvidence(m{"name": "other"})
	control := w.api.AddControl(m{"ref_id": "foo", "name": "Foo", "evidences": []any{other}})
	if exists {
		w.succeed(uploadOf("there.txt", "before", nil))
	}
	w.files.content["bucket/there.txt"] = "mine"
	claim := w.claim(uploadWith(selector, m{"file_s3_bucket": "bucket", "file_s3_key": "there.txt", "applied_controls": m{"ref_id": "foo"}}))
	w.api.AddFault(fakeciso.Fault{After: request, Times: 1, Kind: effect})
	o := w.crash(claim) // what it reports is lost
	next := w.resume(claim)
	if describe(o) == "succeeded" && len(next.Steps) > 0 {
		delete(w.files.content, "bucket/there.txt") // the source is gone: the file must not be needed
	}
	w.api.ClearFaults()
	for n := 0; ; n++ {
		o := w.attempt(next)
		if describe(o) == "succeeded" {
			break
		}
		if o.Kind != jobs.OutcomeRetry || n > 3 {
			t.Fatalf("attempt %d: %s %s", n+2, describe(o), why(o))
		}
		next = w.resume(next)
	}
	want := []string{"mine"}
	if exists {
		want = []string{"before", "mine"}
	}
	if got := w.stored("there.txt"); !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	e := w.evidence("there.txt")["id"]
	links := w.api.Object("applied-controls", control)["evidences"].([]any)
	if len(links) != 2 || !slices.Contains(links, any(other)) || !slices.Contains(links, e) {
		t.Errorf("links %v", links)
	}
}

func TestAResumedUploadIsRecognisedBehindNewerRevisions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	message := uploadOf("a.txt", "mine", nil)
	created := w.claim(message)
	w.crash(created) // the creation, its outcome is lost
	w.succeed(uploadOf("a.txt", "newer", nil))
	revised := w.claim(message)
	w.crash(revised) // a revision, its outcome is lost
	w.succeed(uploadOf("a.txt", "newest", nil))
	for _, claim := range []*jobs.Claim{created, revised} {
		if o := w.attempt(w.resume(claim)); describe(o) != "succeeded" || len(o.Objects) != 1 || o.Note != "" {
			t.Errorf("%s %s %v %q", describe(o), why(o), o.Objects, o.Note)
		}
	}
	if got := w.stored("a.txt"); !slices.Equal(got, []string{"mine", "newer", "mine", "newest"}) {
		t.Errorf("files %q", got)
	}
}

// A new data directory gives the same ids to other messages: a mark alone does
// not tell that the file is there.
func TestARevisionOfAnotherFileIsNotTakenForThisJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	w.succeed(uploadOf("a.txt", "first", nil))
	claim := w.claim(uploadOf("a.txt", "mine", nil))
	w.api.AddFault(fakeciso.Fault{Method: http.MethodPost, Times: 1, Kind: fakeciso.ResetBefore})
	w.crash(claim)
	for _, r := range w.api.Objects("evidence-revisions") {
		w.api.SetFields("evidence-revisions", r["id"].(string), m{"observation": "other.txt [job " + claim.ID + "]"})
	}
	if o := w.attempt(w.resume(claim)); describe(o) != "succeeded" {
		t.Fatalf("%s %s", describe(o), why(o))
	}
	if got := w.stored("a.txt"); !slices.Equal(got, []string{"first", "mine"}) {
		t.Errorf("files %q", got)
	}
}

func TestASourceThatChangedBetweenAttemptsIsStoredAsItIsNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	w.files.content["bucket/a.txt"] = "old"
	claim := w.claim(uploadWith(nil, m{"file_s3_bucket": "bucket", "file_s3_key": "a.txt"}))
	w.api.AddFault(fakeciso.Fault{Method: http.MethodPost, Times: 1, Kind: fakeciso.ResetBefore})
	w.crash(claim)
	w.files.content["bucket/a.txt"] = "new"
	second := w.resume(claim)
	w.crash(second) // stored, its outcome is lost
	if o := w.attempt(w.resume(second)); describe(o) != "succeeded" {
		t.Fatalf("%s %s", describe(o), why(o))
	}
	if got := w.stored("a.txt"); !slices.Equal(got, []string{"new"}) {
		t.Errorf("files %q", got)
	}
}

func TestS3AwayHoldsTheUploadAndSpendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	w.files.err = jobs.Holding(jobs.HoldS3Down, fmt.Errorf("S3 is away"))
	claim := w.claim(uploadWith(nil, m{"file_s3_bucket": "bucket", "file_s3_key": "a.txt"}))
	if o := w.attempt(claim); describe(o) != "held s3_down" || !w.holds.has(jobs.HoldS3Down) || len(o.Steps) != 0 {
		t.Fatalf("%s %v", describe(o), o.Steps)
	}
	w.files.err, w.files.content["bucket/a.txt"] = nil, "x"
	if o := w.attempt(w.resume(claim)); describe(o) != "succeeded" {
		t.Errorf("%s %s", describe(o), why(o))
	}
}

func TestLinksThatGotNoAnswerKeepTheirObjectsFromOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	ids := controls(w, 3)
	w.succeed(uploadOf("a.txt", "first", nil))
	claim := w.claim(uploadOf("a.txt", "second", m{"applied_controls": m{"category": "policy", "target": "multiple"}}))
	w.api.AddFault(fakeciso.Fault{Method: http.MethodPost, After: 1, Times: 1, Kind: fakeciso.ResetAfter})
	o := w.attempt(claim)
	if describe(o) != "retry" || !slices.Equal(o.Unanswered, locksOf("applied-controls", ids)) {
		t.Errorf("%s %s %v", describe(o), why(o), o.Unanswered)
	}
	if o := w.attempt(w.resume(claim)); describe(o) != "succeeded" || len(w.stored("a.txt")) != 2 {
		t.Errorf("%s %s %q", describe(o), why(o), w.stored("a.txt"))
	}
}
