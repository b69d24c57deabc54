package fakeciso

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func do(s *Server, method, path, body string) int {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Token admin-token")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}

func TestParallelWritesOfOneObjectLoseOne(t *testing.T) {
	t.Parallel()
	s := New(Config{RaceWindow: 20 * time.Millisecond})
	id := s.AddControl(map[string]any{"name": "n"})
	var group sync.WaitGroup
	for _, body := range []string{`{"status":"active"}`, `{"priority":1}`} {
		group.Go(func() {
			if code := do(s, "PATCH", "/api/applied-controls/"+id+"/", body); code != http.StatusOK {
				t.Errorf("status %d", code)
			}
		})
	}
	group.Wait()
	if o := s.Object("applied-controls", id); o["status"] == "active" && o["priority"] == 1 {
		t.Error("both writes survived: whole rows are not saved")
	}
}

func TestParallelCreationsOfOneNameMakeTwo(t *testing.T) {
	t.Parallel()
	s := New(Config{RaceWindow: 20 * time.Millisecond})
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() { do(s, "POST", "/api/evidences/", `{"name":"e"}`) })
	}
	group.Wait()
	if n := len(s.Objects("evidences")); n != 2 {
		t.Errorf("%d evidences", n)
	}
	if code := do(s, "POST", "/api/evidences/", `{"name":"E"}`); code != http.StatusBadRequest {
		t.Errorf("a third is %d", code)
	}
}

func TestParallelRevisionsAreRefusedOrShareAVersion(t *testing.T) {
	t.Parallel()
	s := New(Config{RaceWindow: 20 * time.Millisecond})
	id := s.AddEvidence(map[string]any{"name": "e"})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { do(s, "POST", "/api/evidence-revisions/", `{"evidence":"`+id+`"}`) })
	}
	group.Wait()
	versions := make(map[any]bool)
	for _, r := range s.Objects("evidence-revisions") {
		versions[r["version"]] = true
	}
	if len(versions) > 4 {
		t.Errorf("versions %v: each got its own", versions)
	}
	if code := do(s, "POST", "/api/evidence-revisions/", `{"evidence":"`+id+`"}`); code != http.StatusCreated {
		t.Errorf("a later one is %d", code)
	}
}

func TestALinkMadeWhileARowIsSavedStays(t *testing.T) {
	t.Parallel()
	s := New(Config{})
	id := s.AddControl(map[string]any{"name": "n"})
	c := &call{Server: s}
	o := s.objects["applied-controls"][id]
	row := c.snapshot(o) // a PATCH of the status has read the row
	if code := do(s, "POST", "/api/evidences/", `{"name":"e","applied_controls":["`+id+`"]}`); code != http.StatusCreated {
		t.Fatalf("status %d", code)
	}
	keepLinks(o, row, map[string]any{"status": "active"})
	if links := asList(row["evidences"]); len(links) != 1 {
		t.Errorf("links %v", links)
	}
}

func TestAChunkedPatchAnswers200AndChangesNothing(t *testing.T) {
	t.Parallel()
	s := New(Config{})
	id := s.AddControl(map[string]any{"name": "n"})
	r := httptest.NewRequest("PATCH", "/api/applied-controls/"+id+"/", strings.NewReader(`{"status":"active"}`))
	r.ContentLength = -1
	r.Header.Set("Authorization", "Token admin-token")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusOK || s.Object("applied-controls", id)["status"] != "--" {
		t.Errorf("%d, %v", w.Code, s.Object("applied-controls", id)["status"])
	}
}

func TestUploadingOverAFileDestroysIt(t *testing.T) {
	t.Parallel()
	s := New(Config{})
	id := s.AddEvidence(map[string]any{"name": "e"})
	upload := func(name string) int {
		r := httptest.NewRequest("POST", "/api/evidences/"+id+"/upload/", strings.NewReader("bytes of "+name))
		r.Header.Set("Authorization", "Token admin-token")
		r.Header.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
	if upload("a.txt") != http.StatusOK || upload("b.txt") != http.StatusOK || s.Object("evidences", id)["attachment"] != nil {
		t.Errorf("attachment %v", s.Object("evidences", id)["attachment"])
	}
}
