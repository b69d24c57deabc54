package fakeciso

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// take is a row of recordings that were made one after the other on a server
// that held nothing but the laboratory before.
type take struct {
	title string
	lines []string
}

func loadTakes(t *testing.T) (takes []take) {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "takes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		title, begins := strings.CutPrefix(line, "take ")
		switch {
		case begins:
			takes = append(takes, take{title: title})
		case line != "" && line[0] != '#':
			takes[len(takes)-1].lines = append(takes[len(takes)-1].lines, line)
		}
	}
	return takes
}

// TestTheStandInAnswersLikeTheRealServer replays recordings of real servers in
// the order in which they were made: status, headers, the answer's fields, types
// and values either way, and what the server held afterwards. Only values that
// no two servers share are compared by type. testdata/exclusions.txt names what
// is not replayed, and why.
func TestTheStandInAnswersLikeTheRealServer(t *testing.T) {
	t.Parallel()
	recordings := loadRecordings(t)
	left := maps.Clone(recordings)
	for _, take := range loadTakes(t) {
		for _, line := range take.lines {
			delete(left, line)
		}
		t.Run(take.title, func(t *testing.T) {
			t.Parallel()
			same := 0
			lab := newLab(strings.HasPrefix(take.title, "old"), take.title == "debugging")
			for _, line := range take.lines {
				if change, ok := strings.CutPrefix(line, "= "); ok {
					lab.change(t, change)
					continue
				}
				r := recordings[line]
				if r == nil {
					t.Fatalf("there is no recording %s", line)
				}
				if diff := lab.replay(r); diff != "" {
					t.Errorf("%s: %s %s: %s", r.Name, r.Request.Method, r.Request.Path, diff)
					continue
				}
				same++
			}
			t.Logf("%d recordings answered alike", same)
		})
	}
	if len(left) > 0 {
		t.Errorf("in no take: %v", slices.Sorted(maps.Keys(left)))
	}
}

// replay sends the request and returns how the answer, or what the server
// holds then, differs.
func (l *lab) replay(r *recording) string {
	before := l.state()
	req, body := r.request(l)
	w := httptest.NewRecorder()
	l.ServeHTTP(w, req)
	if w.Code != r.Response.Status {
		return fmt.Sprintf("status %d, want %d: %.300s", w.Code, r.Response.Status, w.Body)
	}
	if diff := l.compareHeaders(w.Header(), r.Response.Headers); diff != "" {
		return diff
	}
	if diff := l.compareBody(r, w); diff != "" {
		return diff
	}
	if r.Response.Status >= 300 || r.Request.Method == http.MethodGet || r.Request.Method == http.MethodHead {
		if diff := compareStates(l.state(), before); diff != "" {
			return "it changed what it must not: " + diff
		}
	}
	if diff := cmp.Or(l.lookAgain(r, before), l.lookAtBatch(r, before)); diff != "" {
		return "afterwards: " + diff
	}
	return r.After.differs(l, r.Request.Path, body)
}

// compareHeaders compares those that say something, either way.
func (l *lab) compareHeaders(got http.Header, recorded map[string]string) string {
	if recorded == nil {
		return ""
	}
	want := http.Header{}
	for name, value := range recorded {
		want.Set(name, value)
	}
	for _, name := range []string{"Content-Type", "Location", "WWW-Authenticate", "Allow", "Content-Disposition"} {
		w, g := want.Get(name), got.Get(name)
		if name == "Content-Type" {
			w, _, _ = mime.ParseMediaType(w)
			g, _, _ = mime.ParseMediaType(g)
		}
		if diff := l.compareTexts(name, g, w); diff != "" {
			return diff
		}
	}
	return ""
}

func (l *lab) compareBody(r *recording, w *httptest.ResponseRecorder) string {
	switch want := r.Response; {
	case want.SHA256 != "":
		if hash := sum(w.Body.Bytes()); hash != want.SHA256 {
			return fmt.Sprintf("a file of hash %s, want %s", hash, want.SHA256)
		}
	case want.Filters != nil:
		return compareFilters(w.Body.Bytes(), want.Filters)
	case want.Body != nil && r.Request.Method != http.MethodHead:
		var got any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			return fmt.Sprintf("body %.300q: %v", w.Body, err)
		}
		if m, ok := got.(map[string]any); ok {
			if meta, ok := m["meta"].(map[string]any); ok {
				l.token, _ = meta["access_token"].(string)
			} else if token, ok := m["token"].(string); ok {
				l.token = token
			}
		}
		return l.compare("", got, want.Body)
	}
	return ""
}
