package workers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// uploadOf returns a message with a file in base64, and more values.
func uploadOf(name, content string, more map[string]any) string {
	values := map[string]any{"file_name": name, "file_content": base64.StdEncoding.EncodeToString([]byte(content))}
	maps.Copy(values, more)
	return uploadWith(nil, values)
}

func uploadWith(selector, values map[string]any) string {
	message := map[string]any{"message_type": "upload_attachment", "values": values}
	if selector != nil {
		message["selector"] = selector
	}
	text, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	return string(text)
}

type m = map[string]any

// stored returns the contents of the revisions of all evidences of a name, in
// order.
func (w *world) stored(name string) (files []string) {
	for _, r := range w.api.Objects("evidence-revisions") {
		e := w.api.Object("evidences", r["evidence"].(string))
		if e["name"] == name && r["attachment"] != nil {
			files = append(files, string(w.api.File(r["id"].(string))))
		}
	}
	return files
}

// evidence returns the only evidence of a name.
func (w *world) evidence(name string) map[string]any {
	w.t.Helper()
	var found []map[string]any
	for _, e := range w.api.Objects("evidences") {
		if e["name"] == name {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		w.t.Fatalf("%d evidences are named %q", len(found), name)
	}
	return found[0]
}

func (w *world) writes() int {
	return w.api.Count(http.MethodPost, "/") + w.api.Count(http.MethodPatch, "/")
}

func TestANewEvidenceIsMadeWithFileAndLinksInOneRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	folder := w.api.AddFolder("lab", "")
	control := w.api.AddControl(m{"ref_id": "foo", "name": "Foo", "folder": folder})
	_, reqs := w.api.AddAudit("ISO", w.api.AddFramework("ISO", "A.1"), "")
	o := w.succeed(uploadOf("my report (final).PDF", "bytes", m{
		"applied_controls": m{"ref_id": "foo"}, "requirement_assessments": m{"compliance_assessment__ref_id": "ISO", "requirement__ref_id": "A.1"},
		"description": "what it is",
	}))
	e := w.evidence("my report (final).PDF")
	if e["folder"] != folder || e["description"] != "what it is" || !slices.Equal(o.Objects, []string{e["id"].(string)}) {
		t.Errorf("evidence %v, objects %v", e, o.Objects)
	}
	for kind, id := range map[string]string{"applied-controls": control, "requirement-assessments": reqs["A.1"]} {
		if got := w.api.Object(kind, id)["evidences"]; fmt.Sprint(got) != fmt.Sprint([]any{e["id"]}) {
			t.Errorf("%s is linked to %v", kind, got)
		}
	}
	if n := w.writes(); n != 1 {
		t.Errorf("%d writes", n)
	}
	revision := w.api.Objects("evidence-revisions")[0]
	if got := revision["attachment"].(string); !regexp.MustCompile(`^my_report_final-[0-9a-f]{8}\.pdf$`).MatchString(got) {
		t.Errorf("stored as %q", got)
	}
	if !slices.Equal(w.synced, []string{"file done", "resolve/applied_controls done", "resolve/requirement_assessments done", "create intent"}) {
		t.Errorf("synced before: %q", w.synced)
	}
	want := []string{"applied-controls/" + control, "evidences/" + folder + "/my report (final).pdf", "requirement-assessments/" + reqs["A.1"]}
	if len(w.locks) != 1 || !slices.Equal(w.locks[0], want) {
		t.Errorf("locks %q", w.locks)
	}
}

func TestAnExistingEvidenceGetsARevisionAndKeepsWhatItHas(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		t.Run(fmt.Sprint("old=", old), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fakeciso.Config{Old: old})
			other := w.api.AddEvidence(m{"name": "other"})
			control := w.api.AddControl(m{"ref_id": "foo", "name": "Foo", "evidences": []any{other}})
			id := w.api.AddEvidence(m{"name": "Sample evidence"})
			selector := m{"name": "Sample evidence", "ref_id": "bar"}
			for _, content := range []string{"one", "two", "one"} {
				w.succeed(uploadWith(selector, m{"file_name": "sample.jpeg", "applied_controls": m{"ref_id": "foo"}, "observation": "seen",
					"file_content": base64.StdEncoding.EncodeToString([]byte(content))}))
			}
			if got := w.stored("Sample evidence"); !slices.Equal(got, []string{"one", "two", "one"}) {
				t.Errorf("files %q", got)
			}
			if got := w.api.Object("applied-controls", control)["evidences"]; fmt.Sprint(got) != fmt.Sprint([]any{other, id}) {
				t.Errorf("links %v", got)
			}
			var last map[string]any
			for _, r := range w.api.Objects("evidence-revisions") {
				if r["evidence"] == id {
					last = r
				}
			}
			if got := last["observation"]; got != "seen\nsample.jpeg [job observation-0-3]" {
				t.Errorf("observation %q", got)
			}
			if n := w.api.Count(http.MethodPost, "/api/evidences/"); n != 0 {
				t.Errorf("%d requests that could destroy or double", n)
			}
		})
	}
}

func TestTheSameBytesAreNeverStoredTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	w.api.AddControl(m{"ref_id": "foo", "name": "Foo"})
	message := uploadOf("a.txt", "bytes", m{"applied_controls": m{"ref_id": "foo"}})
	w.succeed(message)
	before := w.writes()
	o := w.succeed(message)
	if w.writes() != before || o.Note == "" || len(o.Objects) != 1 {
		t.Errorf("%d writes, note %q, objects %v", w.writes()-before, o.Note, o.Objects)
	}
	// Another name in the message, the same evidence and bytes.
	if w.succeed(uploadOf("B.TXT", "bytes", m{"name": "A.TXT", "applied_controls": m{"ref_id": "foo"}})); w.writes() != before {
		t.Errorf("%d writes", w.writes()-before)
	}
	control := w.api.AddControl(m{"ref_id": "bar", "name": "Bar"})
	w.succeed(uploadOf("a.txt", "bytes", m{"applied_controls": m{"ref_id": "bar"}}))
	if got := w.api.Object("applied-controls", control)["evidences"].([]any); len(got) != 1 || w.writes() != before+1 {
		t.Errorf("linked to %v with %d writes", got, w.writes()-before)
	}
	if got := w.stored("a.txt"); !slices.Equal(got, []string{"bytes"}) {
		t.Errorf("files %q", got)
	}
}

func TestWhereANewEvidenceGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	lab, other := w.api.AddFolder("lab", ""), w.api.AddFolder("other", "")
	sub := w.api.AddFolder("sub", lab)
	w.api.AddControl(m{"ref_id": "in-lab", "name": "a", "folder": lab, "category": "policy"})
	w.api.AddControl(m{"ref_id": "in-other", "name": "b", "folder": other, "category": "policy"})
	for _, c := range []struct {
		name, byDefault string
		more            m
		want            string
	}{
		{"named", "other", m{"folder": "lab", "applied_controls": m{"ref_id": "in-other"}}, lab},
		{"path", "", m{"folder": "global/lab/sub"}, sub},
		{"default", "other", m{"applied_controls": m{"ref_id": "in-lab"}}, other},
		{"of the control", "", m{"applied_controls": m{"ref_id": "in-lab"}}, lab},
		{"of two controls", "", m{"applied_controls": m{"category": "policy", "target": "multiple"}}, w.api.Root()},
		{"none", "", nil, w.api.Root()},
	} {
		w.newPool(w.claims(), c.byDefault)
		w.succeed(uploadOf(c.name+".txt", c.name, c.more))
		if got := w.evidence(c.name + ".txt")["folder"]; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if o := w.do(uploadOf("x.txt", "x", m{"folder": "nowhere"})); describe(o) != "failed no_match" {
		t.Errorf("%s %s", describe(o), why(o))
	}
	// The name is one per folder: the evidence of another folder is not meant.
	w.succeed(uploadOf("named.txt", "else", m{"folder": "other"}))
	if got := w.stored("named.txt"); !slices.Equal(got, []string{"named", "else"}) {
		t.Errorf("files %q", got)
	}
}

func TestUploadsThatCannotBeAreRefusedBeforeAnyWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	w.api.AddControl(m{"ref_id": "foo", "name": "Foo"})
	w.api.AddControl(m{"ref_id": "dup", "name": "one"})
	w.api.AddControl(m{"ref_id": "dup", "name": "two"})
	w.api.AddEvidence(m{"name": "twice", "status": "draft"})
	w.api.AddEvidence(m{"name": "twice", "status": "draft"})
	w.files.content["bucket/a.txt"] = "from a bucket"
	content := base64.StdEncoding.EncodeToString([]byte("bytes"))
	with := func(values m) string { return uploadWith(nil, values) }
	for _, c := range []struct{ name, message, want, says string }{
		{"no source", with(m{"file_name": "a.txt"}), "invalid_message", "file_content"},
		{"null source", with(m{"file_name": "a.txt", "file_content": nil}), "invalid_message", "file_content"},
		{"empty source", with(m{"file_name": "a.txt", "file_content": ""}), "file_refused", "empty"},
		{"two sources", with(m{"file_name": "a.txt", "file_content": content, "file_s3_bucket": "bucket"}), "invalid_message", "2 files"},
		{"key without bucket", with(m{"file_name": "a.txt", "file_content": content, "file_s3_key": "k"}), "invalid_message", "file_s3_bucket"},
		{"no name", with(m{"file_content": content}), "invalid_message", "file_name"},
		{"no key and no name", with(m{"file_s3_bucket": "bucket"}), "invalid_message", "file_name"},
		{"number for a name", with(m{"file_name": 5, "file_content": content}), "invalid_message", "values.file_name"},
		{"typo", uploadOf("a.txt", "x", m{"applied_control": m{"ref_id": "foo"}}), "invalid_message", "applied_controls"},
		{"list for a selector", uploadOf("a.txt", "x", m{"applied_controls": []any{"foo"}}), "invalid_message", "values.applied_controls"},
		{"empty selector of controls", uploadOf("a.txt", "x", m{"applied_controls": m{}}), "invalid_message", "values.applied_controls"},
		{"long name", uploadOf(strings.Repeat("n", 201)+".txt", "x", nil), "invalid_message", "values.name"},
		{"extension", uploadOf("a.exe", "x", nil), "file_refused", "a.exe"},
		{"no extension", uploadOf("a", "x", nil), "file_refused", "pdf"},
		{"no base64", with(m{"file_name": "a.txt", "file_content": "%%%"}), "file_refused", "base64"},
		{"no object", with(m{"file_s3_bucket": "bucket", "file_s3_key": "none.txt"}), "file_missing", "none.txt"},
		{"no control", uploadOf("a.txt", "x", m{"applied_controls": m{"ref_id": "none"}}), "no_match", "applied_controls: "},
		{"two controls", uploadOf("a.txt", "x", m{"applied_controls": m{"ref_id": "dup"}}), "many_matches", "applied_controls: "},
		{"unknown key", uploadOf("a.txt", "x", m{"applied_controls": m{"refid": "foo"}}), "invalid_selector", "ref_id"},
		{"no evidence", uploadWith(m{"name": "none"}, m{"file_name": "a.txt", "file_content": content}), "no_match", "none"},
		{"two evidences", uploadWith(m{"name": "twice"}, m{"file_name": "a.txt", "file_content": content}), "many_matches", "twice"},
		{"two evidences, however many are wanted", uploadWith(m{"name": "twice", "target": "multiple"}, m{"file_name": "a.txt", "file_content": content}), "many_matches", "twice"},
		{"two evidences by name", uploadOf("a.txt", "x", m{"name": "twice"}), "many_matches", "select one by id"},
		{"ref_id alone", uploadWith(m{"ref_id": "bar"}, m{"file_name": "a.txt", "file_content": content}), "invalid_selector", "ref_id"},
		{"ref_id and target", uploadWith(m{"ref_id": "bar", "target": "single"}, m{"file_name": "a.txt", "file_content": content}), "invalid_selector", "ref_id"},
		{"target alone", uploadWith(m{"target": "single"}, m{"file_name": "a.txt", "file_content": content}), "invalid_selector", "names no field"},
		{"another target", uploadWith(m{"name": "x", "target": "all"}, m{"file_name": "a.txt", "file_content": content}), "invalid_selector", "all"},
	} {
		o := w.do(c.message)
		if describe(o) != "failed "+c.want || !strings.Contains(why(o), c.says) || strings.Contains(why(o), "\n") {
			t.Errorf("%s: %s %q", c.name, describe(o), why(o))
		}
	}
	if n := w.writes(); n != 0 {
		t.Errorf("%d writes", n)
	}
	if len(w.locks) != 1 { // of the search by name
		t.Errorf("locks %v", w.locks)
	}
}

func TestAFileComesFromItsBucketByKeyOrByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	w.files.content["bucket/dir/a.txt"] = "by key"
	w.files.content["bucket/b.txt"] = "by name"
	w.files.content["https://s3/x"] = "by url"
	w.succeed(uploadWith(m{}, m{"file_s3_bucket": "bucket", "file_s3_key": "dir/a.txt"}))
	w.succeed(uploadWith(nil, m{"file_s3_bucket": "bucket", "file_name": "b.txt"}))
	w.succeed(uploadWith(nil, m{"file_s3_url": "https://s3/x", "file_name": "c.txt", "name": "  "}))
	for name, want := range map[string]string{"a.txt": "by key", "b.txt": "by name", "c.txt": "by url"} {
		if got := w.stored(name); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAnEvidenceThatCannotBeSeenIsTriedOnceMoreAndThenNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	w.api.AddFault(fakeciso.Fault{Method: http.MethodPost, Times: -1, Kind: fakeciso.Status, Code: 400,
		Body: `{"name":"a.txt is already used in this scope. Please choose another value."}`})
	claim := w.claim(uploadOf("a.txt", "x", nil))
	if o := w.attempt(claim); describe(o) != "retry" {
		t.Fatalf("%s %s", describe(o), why(o))
	}
	if o := w.attempt(w.resume(claim)); describe(o) != "failed rejected" || !strings.Contains(why(o), "may not see it") {
		t.Errorf("%s %s", describe(o), why(o))
	}
}

// Somebody made the evidence, with another file, between the look and the
// creation: the next attempt adds to it.
func TestAnEvidenceThatSomebodyElseMadeMeanwhileIsAddedTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	control := w.api.AddControl(m{"ref_id": "foo", "name": "Foo"})
	claim := w.claim(uploadOf("a.txt", "mine", m{"applied_controls": m{"ref_id": "foo"}}))
	w.api.AddFault(fakeciso.Fault{Method: http.MethodPost, Times: 1, Kind: fakeciso.ResetBefore})
	if o := w.attempt(claim); describe(o) != "retry" || len(o.Unanswered) != 1 {
		t.Fatalf("%s %s %v", describe(o), why(o), o.Unanswered)
	}
	w.api.AddEvidence(m{"name": "A.TXT"})
	if o := w.attempt(w.resume(claim)); describe(o) != "succeeded" {
		t.Fatalf("%s %s", describe(o), why(o))
	}
	if got := w.stored("A.TXT"); !slices.Equal(got, []string{"mine"}) || len(w.api.Object("applied-controls", control)["evidences"].([]any)) != 1 {
		t.Errorf("files %q", got)
	}
}

func TestAnUploadWithoutAFolderThatMayBeUsedSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{Users: []fakeciso.User{{Email: "a@b", Token: "admin-token", Role: fakeciso.Analyst, Domains: []string{"none"}}}})
	if o := w.do(uploadOf("a.txt", "x", nil)); describe(o) != "failed forbidden" || !strings.Contains(why(o), "DEFAULT_FOLDER") {
		t.Errorf("root may not be written: %s %s", describe(o), why(o))
	}
	w.pool.cfg.Workflows[jobs.TypeUploadAttachment] = Upload(rootless{w.client}, w.files, "")
	if o := w.do(uploadOf("a.txt", "x", nil)); describe(o) != "failed forbidden" || !strings.Contains(why(o), "DEFAULT_FOLDER") {
		t.Errorf("root may not be seen: %s %s", describe(o), why(o))
	}
}

// rootless is an API whose root folder is not to be seen.
type rootless struct{ *ciso.Client }

func (rootless) Folder(context.Context, string) (string, error) {
	return "", jobs.Fail(jobs.CodeNoMatch, "no folder")
}

func TestUploadsOfOneNameInTurnMakeOneEvidence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	w.refuse["evidences/"+w.api.Root()+"/a.txt"] = true
	claim := w.claim(uploadOf("A.txt", "second", nil))
	if o := w.attempt(claim); o.Kind != jobs.OutcomeLocked || len(o.Wanted) != 1 {
		t.Fatalf("%s %v", describe(o), o.Wanted)
	}
	clear(w.refuse)
	w.succeed(uploadOf("a.txt", "first", nil)) // which held the lock
	claim.Granted = []string{"evidences/" + w.api.Root() + "/a.txt"}
	if o := w.attempt(claim); describe(o) != "succeeded" {
		t.Fatalf("%s %s", describe(o), why(o))
	}
	if got := w.stored("a.txt"); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("files %q", got)
	}
	evidence := w.evidence("a.txt")["id"].(string)
	if last := w.locks[len(w.locks)-1]; !slices.Contains(last, "evidences/"+evidence) || !slices.Contains(last, "evidences/"+w.api.Root()+"/a.txt") {
		t.Errorf("locks %q", last)
	}
}
