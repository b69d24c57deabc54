package workers

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
)

func controls(w *world, n int) (ids []string) {
	for i := range n {
		ids = append(ids, w.api.AddControl(map[string]any{"ref_id": fmt.Sprint("c", i), "name": fmt.Sprint("control ", i), "category": "policy"}))
	}
	return ids
}

// all selects the controls of the function above.
func all(field, value string) string {
	return fmt.Sprintf(`{"message_type":"update_applied_control","selector":{"category":"policy","target":"multiple"},"values":{%q:%q}}`, field, value)
}

func TestAFirstTryCostsOneListAndOnePatchPerObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	id := w.api.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	before := len(w.api.Journal())
	o := w.succeed(`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"priority":"1"}}`)
	if got := w.api.Object("applied-controls", id)["priority"]; got != 1 {
		t.Errorf("priority %v", got)
	}
	requests := w.api.Journal()[before:]
	if len(requests) != 2 || requests[0].Method != http.MethodGet || requests[1].Method != http.MethodPatch {
		t.Errorf("requests %+v", requests)
	}
	for _, r := range requests {
		if r.Job != lastJob(w) {
			t.Errorf("%s %s is not marked with the job: %q", r.Method, r.Path, r.Job)
		}
	}
	if !slices.Equal(o.Objects, []string{id}) || len(w.synced) != 0 || w.flushes != 0 {
		t.Errorf("objects %v; synced %q, flushed %d times", o.Objects, w.synced, w.flushes)
	}
	if want := []string{"applied-controls/" + id}; len(w.locks) != 1 || !slices.Equal(w.locks[0], want) {
		t.Errorf("locks %v", w.locks)
	}
}

func lastJob(w *world) string { return fmt.Sprint("observation-0-", w.seq) }

func TestAResumedUpdateLooksFirstAndWritesWhatIsMissingOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	ids := controls(w, 3)
	claim := w.claim(all("observation", "new"))
	if o := w.crash(claim); o.Kind != jobs.OutcomeSucceeded { // its outcome is lost
		t.Fatal(describe(o), why(o))
	}
	w.api.SetFields("applied-controls", ids[1], map[string]any{"observation": "old"}) // as if it had not been reached
	before := w.api.Count(http.MethodPatch, "/")
	o := w.attempt(w.resume(claim))
	if o.Kind != jobs.OutcomeSucceeded || w.api.Count(http.MethodPatch, "/")-before != 1 || w.api.Object("applied-controls", ids[1])["observation"] != "new" {
		t.Errorf("%s %s, %d patches", describe(o), why(o), w.api.Count(http.MethodPatch, "/")-before)
	}
	if len(o.Objects) != 3 {
		t.Errorf("objects %v", o.Objects)
	}
}

func TestAnUpdateOfManyGoesOnWhereItStood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	ids := controls(w, 4)
	w.api.AddFault(fakeciso.Fault{Method: http.MethodPatch, After: 2, Times: 1, Kind: fakeciso.Status, Code: 500, Body: "<h1>500</h1>"})
	claim := w.claim(all("observation", "new"))
	if o := w.attempt(claim); o.Kind != jobs.OutcomeRetry || len(o.Objects) != 2 {
		t.Fatal(describe(o), why(o), o.Objects)
	}
	before := len(w.api.Journal())
	if o := w.attempt(w.resume(claim)); o.Kind != jobs.OutcomeSucceeded {
		t.Fatal(describe(o), why(o))
	}
	var paths []string
	for _, r := range w.api.Journal()[before:] {
		paths = append(paths, r.Method+" "+strings.TrimPrefix(r.Path, "/api/applied-controls/"))
	}
	want := []string{"GET " + ids[2] + "/object/", "PATCH " + ids[2] + "/", "GET " + ids[3] + "/object/", "PATCH " + ids[3] + "/"}
	if !slices.Equal(paths, want) {
		t.Errorf("requests %q, want %q", paths, want)
	}
}

// The second object no longer matches once it is written: a second look would
// miss the first two and call it no_match.
func TestWhatASelectorMatchedIsKeptWhenTheWritesChangeIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	ids := controls(w, 3)
	message := all("category", "process")
	claim := w.claim(message)
	w.api.AddFault(fakeciso.Fault{Method: http.MethodPatch, After: 2, Times: 1, Kind: fakeciso.ResetBefore})
	if o := w.crash(claim); o.Kind != jobs.OutcomeRetry {
		t.Fatal(describe(o), why(o))
	}
	if !slices.Contains(w.synced, "resolve done") {
		t.Fatalf("synced %q", w.synced)
	}
	if o := w.attempt(w.resume(claim)); o.Kind != jobs.OutcomeSucceeded {
		t.Fatal(describe(o), why(o))
	}
	for _, id := range ids {
		if got := w.api.Object("applied-controls", id)["category"]; got != "process" {
			t.Errorf("%s: %v", id, got)
		}
	}
}

func TestAnObjectThatIsGoneIsLookedForOnceMore(t *testing.T) {
	t.Parallel()
	notFound := fakeciso.Fault{Method: http.MethodPatch, Kind: fakeciso.Status, Code: 404, Body: `{"detail":"No AppliedControl matches the given query."}`}
	once, always, last := notFound, notFound, notFound
	once.Times, always.Times, last.Times = 1, -1, -1
	for _, c := range []struct {
		name    string
		fault   fakeciso.Fault
		want    string
		message string
	}{
		{"once", once, "succeeded", ""},
		{"for good", always, "failed no_match", "(0 of 3 objects are done)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fakeciso.Config{})
			controls(w, 3)
			w.api.AddFault(c.fault)
			o := w.do(all("observation", "new"))
			if describe(o) != c.want || !strings.Contains(why(o), c.message) {
				t.Errorf("%s %s", describe(o), why(o))
			}
		})
	}
	t.Run("the last of three", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, fakeciso.Config{})
		ids := controls(w, 3)
		last.Path = regexp.MustCompile(ids[2])
		w.api.AddFault(last)
		o := w.do(all("observation", "new"))
		if describe(o) != "failed no_match" || !strings.Contains(why(o), "(2 of 3 objects are done)") || len(o.Objects) != 2 {
			t.Errorf("%s %s %v", describe(o), why(o), o.Objects)
		}
		if n := w.api.Count(http.MethodPatch, "/"); n != 4 {
			t.Errorf("%d patches: what is done was done again", n)
		}
	})
}

func TestAFailureStopsAtItsObjectAndSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	ids := controls(w, 3)
	w.api.AddFault(fakeciso.Fault{Method: http.MethodPatch, Path: regexp.MustCompile(ids[1]), Times: -1, Kind: fakeciso.Status, Code: 400, Body: `{"status":["nope"]}`})
	o := w.do(all("status", "active"))
	if describe(o) != "failed rejected" || !strings.Contains(why(o), "(1 of 3 objects are done)") || !slices.Equal(o.Objects, ids[:1]) {
		t.Errorf("%s %s %v", describe(o), why(o), o.Objects)
	}
	if got := w.api.Object("applied-controls", ids[2])["status"]; got != "--" {
		t.Errorf("the third is %v", got)
	}
	w2 := newWorld(t, fakeciso.Config{})
	id := w2.api.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	o = w2.do(`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"status":"active","colour":"red"}}`)
	if describe(o) != "failed ignored_fields" || !strings.Contains(why(o), "colour") || strings.Contains(why(o), "objects are done") || !slices.Equal(o.Objects, []string{id}) {
		t.Errorf("%s %s %v", describe(o), why(o), o.Objects)
	}
}

func TestALockedObjectIsWaitedForWithoutAWriteAndResolvedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	ids := controls(w, 2)
	w.refuse["applied-controls/"+ids[1]] = true
	claim := w.claim(all("observation", "new"))
	o := w.attempt(claim)
	if o.Kind != jobs.OutcomeLocked || len(o.Wanted) != 2 || len(o.Steps) != 0 || w.api.Count(http.MethodPatch, "/") != 0 {
		t.Fatalf("%s %v %v", describe(o), o.Wanted, o.Steps)
	}
	clear(w.refuse)
	claim.Granted = o.Wanted
	before := w.api.Count(http.MethodGet, "/")
	if o := w.attempt(claim); o.Kind != jobs.OutcomeSucceeded || w.api.Count(http.MethodGet, "/")-before != 1 {
		t.Errorf("%s %s", describe(o), why(o))
	}
}

func TestARequirementOfAnAuditIsUpdated(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		w := newWorld(t, fakeciso.Config{Old: old})
		_, reqs := w.api.AddAudit("ISO_001", w.api.AddFramework("ISO", "A.5.1", "A.5.10"), "")
		w.succeed(`{"message_type":"update_requirement_assessment","selector":{"compliance_assessment__ref_id":"ISO_001","requirement__ref_id":"A.5.1"},"values":{"result":"compliant"}}`)
		if got := w.api.Object("requirement-assessments", reqs["A.5.1"])["result"]; got != "compliant" {
			t.Errorf("old=%v: %v", old, got)
		}
		if got := w.api.Object("requirement-assessments", reqs["A.5.10"])["result"]; got != "not_assessed" {
			t.Errorf("old=%v: another one is %v", old, got)
		}
	}
}

func TestNoWriteBeginsWhenTheSessionIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	for _, ref := range []string{"a", "b", "c"} {
		w.api.AddControl(map[string]any{"ref_id": ref, "name": ref, "category": "policy"})
	}
	writes := func() int { return w.api.Count("PATCH", "/api/applied-controls/") }
	claim := w.claim(`{"message_type":"update_applied_control","selector":{"category":"policy","target":"multiple"},"values":{"observation":"x"}}`)
	claim.Lapsed = func() bool { return writes() > 0 }
	if o := w.attempt(claim); o.Kind != jobs.OutcomeReturned || writes() != 1 {
		t.Fatalf("%s after %d writes", describe(o), writes())
	}
	claim = w.resume(claim)
	claim.Lapsed = nil
	if o := w.attempt(claim); o.Kind != jobs.OutcomeSucceeded || writes() != 3 {
		t.Errorf("%s after %d writes", describe(o), writes())
	}
}
