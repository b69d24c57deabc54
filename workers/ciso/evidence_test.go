package ciso

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"dispatcher/internal/fakeciso"
)

func openNothing() (io.ReadCloser, error) { return nil, errors.New("no such file") }

func content(name, text string) File {
	return File{Name: name, Size: int64(len(text)), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

// analyst starts the stand-in with a client whose user sees one domain only.
func analyst(t *testing.T, old bool) (server *fakeciso.Server, c *Client, domain, hidden string) {
	t.Helper()
	users := []fakeciso.User{{Token: "admin-token", Role: fakeciso.Admin}, {Token: "analyst", Role: fakeciso.Analyst}}
	server = fakeciso.New(fakeciso.Config{Old: old, Users: users})
	domain, hidden = server.AddFolder("domain", ""), server.AddFolder("hidden", "")
	users[1].Domains = []string{domain}
	base, err := server.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server, connect(t, Config{URL: base, Credentials: token("analyst")}), domain, hidden
}

func TestLinksThatTheTokenMayNotSeeAreKeptAndNotMissed(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		server, c, domain, hidden := analyst(t, old)
		secret := server.AddEvidence(map[string]any{"name": "secret", "folder": hidden})
		known := server.AddEvidence(map[string]any{"name": "known", "folder": domain})
		id := server.AddControl(map[string]any{"ref_id": "a", "name": "a", "folder": domain, "evidences": []any{secret}})

		if err := c.Update(t.Context(), AppliedControls, id, map[string]any{"evidences": []any{secret, known}}); err != nil {
			t.Errorf("old %v: %v", old, err)
		}
		fresh := server.AddEvidence(map[string]any{"name": "fresh", "folder": domain})
		if err := c.Link(t.Context(), AppliedControls, []string{id}, fresh); err != nil {
			t.Errorf("old %v: %v", old, err)
		}
		if diff := cmp.Diff([]any{secret, known, fresh}, server.Object("applied-controls", id)["evidences"]); diff != "" {
			t.Errorf("old %v: %s", old, diff)
		}
		object, err := c.Object(t.Context(), AppliedControls, id)
		if err != nil || !c.Same(object, map[string]any{"evidences": []any{fresh, known, secret}}) || c.Same(object, map[string]any{"evidences": []any{fresh, known}}) {
			t.Errorf("%v %v", object["evidences"], err)
		}
	}
}

func TestALinkThatTheAnswerLeavesOutIsLookedForInTheObject(t *testing.T) {
	t.Parallel()
	const secret, known = "f971fd89-a972-4d4d-9fff-f7de787b4569", "8a419bc7-5b25-4475-9fac-0bf9d4ad1ecd"
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			answerJSON(w, 200, `{"id":"`+controlID+`","evidences":["`+known+`"]}`)
			return
		}
		answerJSON(w, 200, `{"id":"`+controlID+`","evidences":["`+known+`","`+secret+`"]}`)
	})
	if err := s.client(t, nil).Update(t.Context(), AppliedControls, controlID, map[string]any{"evidences": []any{secret, known}}); err != nil {
		t.Error(err)
	}
}

func TestAnIgnoredLinkIsNotTakenForAMaskedOne(t *testing.T) {
	t.Parallel()
	const evidence = "8a419bc7-5b25-4475-9fac-0bf9d4ad1ecd"
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 200, `{"id":"`+controlID+`","evidences":[]}`)
	})
	err := s.client(t, nil).Update(t.Context(), AppliedControls, controlID, map[string]any{"evidences": []any{evidence}})
	wantVerdict(t, err, "ignored_fields")
}

func TestLinksGoOutInChunksOfAHundred(t *testing.T) {
	t.Parallel()
	server, c := fake(t, fakeciso.Config{})
	e := server.AddEvidence(map[string]any{"name": "e"})
	var controls []string
	for n := range 201 {
		controls = append(controls, server.AddControl(map[string]any{"name": fmt.Sprint(n)}))
	}
	before := len(server.Journal())
	if err := c.Link(t.Context(), AppliedControls, controls, e); err != nil {
		t.Fatal(err)
	}
	if n := len(server.Journal()) - before; n != 3 {
		t.Errorf("%d requests", n)
	}
	if got, _, err := c.Linked(t.Context(), e); err != nil || len(got) != 201 {
		t.Errorf("%d links are read back: %v", len(got), err)
	}
}

func TestABatchThatSucceededInNameOnlyIsNoSuccess(t *testing.T) {
	t.Parallel()
	var body atomic.Value
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, body.Load().(string)) })
	c := s.client(t, nil)
	for answer, want := range map[string]string{
		`{"succeeded":[{"id":"x"}],"failed":[]}`: "ok",
		`{"succeeded":[],"failed":[]}`:           "transient",
		`{"succeeded":[],"failed":[{"id":"x","error":{"evidences":["Invalid pk \"y\" - object does not exist."]}}]}`:              "rejected",
		`{"succeeded":[],"failed":[{"id":"x","error":{"evidences":"You do not have permission to link to this evidence"}}]}`:      "forbidden",
		`{"succeeded":[],"failed":[{"id":"x","error":"Object not found or access denied"}]}`:                                      "forbidden",
		`{"succeeded":[],"failed":[{"id":"x","error":"database is locked"}]}`:                                                     "transient",
		`{"succeeded":[{"id":"x"}],"failed":[{"id":"z","error":["⚠️ Cannot modify the requirement when the audit is locked."]}]}`: "rejected",
	} {
		body.Store(answer)
		wantVerdict(t, c.Link(t.Context(), AppliedControls, []string{"x"}, "y"), want)
	}
}

func TestServersWithoutBatchLinksAreLearnt(t *testing.T) {
	t.Parallel()
	server, c := fake(t, fakeciso.Config{Old: true, Version: "unset"})
	e := server.AddEvidence(map[string]any{"name": "e"})
	var controls []string
	for n := range 2 {
		controls = append(controls, server.AddControl(map[string]any{"name": fmt.Sprint(n), "ref_id": fmt.Sprint(n)}))
	}
	for range 2 {
		if err := c.Link(t.Context(), AppliedControls, controls, e); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": "1"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.Count("POST", "/api/applied-controls/batch-action/"); n != 1 {
		t.Errorf("batch links were tried %d times", n)
	}
	if n := server.Count("GET", "/api/applied-controls/autocomplete/"); n != 1 {
		t.Errorf("light lists were tried %d times", n)
	}
}

func TestAnUploadHasALengthAndIsStreamed(t *testing.T) {
	t.Parallel()
	const size = 5 << 20
	var length, read atomic.Int64
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			t.Errorf("transfer encoding %v", r.TransferEncoding)
		}
		length.Store(r.ContentLength)
		form, err := r.MultipartReader()
		if err != nil {
			t.Error(err)
			return
		}
		for part, err := form.NextPart(); err == nil; part, err = form.NextPart() {
			n, _ := io.Copy(io.Discard, part)
			if part.FormName() == "attachment" && part.FileName() == "a-1.txt" {
				read.Store(n)
			}
		}
		answerJSON(w, 201, `{"id":"`+controlID+`"}`)
	})
	f := File{Name: "a-\"1\".t\r\nxt", Size: size, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(iotest.DataErrReader(zeros{}), size)), nil
	}}
	id, err := s.client(t, nil).CreateEvidence(t.Context(), NewEvidence{Name: "é\r\n\"x", FolderID: "f", File: f})
	if err != nil || id != controlID || read.Load() != size || length.Load() <= size {
		t.Errorf("%s %v: %d bytes of %d", id, err, read.Load(), length.Load())
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestAFileThatShrankIsNotStoredAsItsWhole(t *testing.T) {
	t.Parallel()
	server, c := fake(t, fakeciso.Config{})
	f := content("a.txt", "short")
	f.Size = 100
	_, err := c.CreateEvidence(t.Context(), NewEvidence{Name: "e", File: f})
	if got := verdict(err); got != "transient" {
		t.Errorf("%s: %v", got, err)
	}
	if n := len(server.Objects("evidences")); n != 0 {
		t.Errorf("%d evidences", n)
	}
}

func TestRevisionsAreReadAsStored(t *testing.T) {
	t.Parallel()
	for attachment, want := range map[string]string{
		"": "", "a b.pdf": "a b.pdf", "/a%20b.pdf": "a b.pdf", "http://h/m/a-1.pdf": "a-1.pdf", "100%.pdf": "100%.pdf",
		"https://s3/bucket/a-1.pdf?X-Amz-Credential=k%2Fs/eu&Expires=1": "a-1.pdf",
	} {
		if got := storedName(attachment); got != want {
			t.Errorf("%q: %q, want %q", attachment, got, want)
		}
	}
}

func TestAnEvidenceOfTheNameInAnyCaseIsFoundAfterTheExactOne(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, server *fakeciso.Server, c *Client) {
		domain := server.AddFolder("d", "")
		lower := server.AddEvidence(map[string]any{"name": "sample.jpeg", "folder": domain})
		server.AddEvidence(map[string]any{"name": "sample.jpeg.old", "folder": domain})
		other := server.AddEvidence(map[string]any{"name": "Sample.JPEG"})
		for _, tc := range []struct {
			name, folder string
			want         []Evidence
		}{
			{"sample.jpeg", domain, []Evidence{{lower, "sample.jpeg", domain}}},
			{"SAMPLE.jpeg", domain, []Evidence{{lower, "sample.jpeg", domain}}},
			{"Sample.JPEG", "", []Evidence{{other, "Sample.JPEG", server.Root()}}},
			{"sample", domain, nil},
		} {
			got, err := c.FindEvidence(t.Context(), tc.name, tc.folder)
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%s in %s: %v %s", tc.name, tc.folder, err, diff)
			}
		}
	})
}

func TestAnAnalystNeedsTheFolderOfTheEvidence(t *testing.T) {
	t.Parallel()
	server, c, domain, hidden := analyst(t, false)
	id, err := c.CreateEvidence(t.Context(), NewEvidence{Name: "e", FolderID: domain, File: content("a-1.txt", "x")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddRevision(t.Context(), Evidence{ID: id, FolderID: domain}, "job 1", content("a-2.txt", "y")); err != nil {
		t.Error(err)
	}
	_, err = c.CreateEvidence(t.Context(), NewEvidence{Name: "e2", FolderID: hidden, File: content("a-3.txt", "x")})
	wantVerdict(t, err, "forbidden")
	_ = server
}
