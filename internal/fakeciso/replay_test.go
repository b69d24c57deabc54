package fakeciso

import (
	"bytes"
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

// recording is one exchange of a real server, trimmed to what is compared.
type recording struct {
	Name    string `json:"name"`
	Old     bool   `json:"old,omitempty"`
	Request struct {
		Method  string            `json:"method"`
		Path    string            `json:"path"`
		Token   string            `json:"token,omitempty"` // user: admin, reader, analyst
		Headers map[string]string `json:"headers,omitempty"`
		Body    json.RawMessage   `json:"body,omitempty"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers,omitempty"`
		Body    any               `json:"body,omitempty"`
	} `json:"response"`
}

// The objects that the recordings name.
const (
	labFolder   = "40495cfc-c4bd-443b-a99e-03763553fef0"
	otherFolder = "a07907cb-f86a-4e4d-a016-8ebb179a67c4"
	controlFoo  = "53fb665c-334c-4dd8-9c00-35299a794e41"
	controlFoo2 = "3367b4b8-113c-4b6c-beae-17c2421f5f91"
	audit       = "a318d2ca-3707-4b7d-a241-4ff89ee1179d"
	framework   = "1bcf61ba-73ab-44a3-b8d7-926b121242bf"
	assessment  = "f5ed3814-db2f-4821-808e-4c0512ef5495"
	node        = "147955ea-ea5e-419a-a3a2-6ae70b07e1ec"
	sample      = "d48d371b-c30f-4a34-8026-7daa03802251"
	second      = "8a419bc7-5b25-4475-9fac-0bf9d4ad1ecd"
	secret      = "f971fd89-a972-4d4d-9fff-f7de787b4569"
)

// seeded returns a server with the objects of the recordings' laboratory.
func seeded(old bool) *Server {
	s := New(Config{Old: old, Users: []User{
		{Email: "admin@tests.com", Password: "badpass12345", Token: "admin", Role: Admin},
		{Email: "reader@tests.com", Token: "reader", Role: Reader, Domains: []string{labFolder}},
		{Email: "analyst@tests.com", Token: "analyst", Role: Analyst, Domains: []string{labFolder}},
	}})
	add := func(kind string, fields map[string]any) { s.add(kind, fields) }
	add("folders", map[string]any{"id": labFolder, "name": "dispatcher-lab", "content_type": "DOMAIN", "parent_folder": s.root})
	add("folders", map[string]any{"id": otherFolder, "name": "other-lab", "content_type": "DOMAIN", "parent_folder": s.root})
	add("evidences", map[string]any{"id": sample, "name": "Sample evidence", "folder": labFolder})
	add("evidences", map[string]any{"id": second, "name": "Second evidence", "folder": labFolder})
	add("evidences", map[string]any{"id": secret, "name": "Other secret evidence", "folder": otherFolder})
	add("evidences", map[string]any{"name": "evidence in lab", "folder": labFolder})
	add("applied-controls", map[string]any{"id": controlFoo, "ref_id": "foo", "name": "Control foo", "folder": labFolder, "evidences": []any{second, secret}})
	add("applied-controls", map[string]any{"id": controlFoo2, "ref_id": "foo2", "name": "Control foo2", "folder": labFolder, "priority": 2})
	for id, n := range map[string]string{"c57b9e5d-b642-4450-b6d3-3f36b0db517d": "one", "04321cee-0f07-4c97-aa18-6c0fb157f8c0": "two"} {
		add("applied-controls", map[string]any{"id": id, "ref_id": "dup", "name": "Control dup " + n, "folder": labFolder})
	}
	add("frameworks", map[string]any{"id": framework, "name": "ISO 27001"})
	add("requirement-nodes", map[string]any{"id": node, "framework": framework, "ref_id": "A.5.1", "urn": "urn:intuitem:risk:req_node:iso27001-2022:a.5.1", "name": "Policies for information security"})
	add("compliance-assessments", map[string]any{"id": audit, "ref_id": "ISO_001", "name": "ISO 27001 audit", "framework": framework, "folder": labFolder})
	add("requirement-assessments", map[string]any{"id": assessment, "requirement": node, "compliance_assessment": audit, "folder": labFolder})
	return s
}

// TestTheStandInAnswersLikeTheRealServer replays recordings of real servers,
// each against fresh objects: status, kind of content, redirects, challenges,
// the exact words of errors, and no field that the real one does not have. It
// does not compare the values of successful answers, nor fields that are
// missing here; testdata/exclusions.txt names what is not replayed, and why.
func TestTheStandInAnswersLikeTheRealServer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "recordings")
	if other := os.Getenv("RECORDINGS"); other != "" {
		dir = other
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", dir, err)
	}
	same := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r recording
		if err := json.Unmarshal(content, &r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if diff := r.replay(); diff != "" {
			t.Errorf("%s: %s %s: %s", r.Name, r.Request.Method, r.Request.Path, diff)
			continue
		}
		same++
	}
	t.Logf("%d of %d recordings answered alike", same, len(files))
}

// replay sends the request and returns how the answer differs.
func (r *recording) replay() string {
	var body []byte
	if len(r.Request.Body) > 0 && string(r.Request.Body) != "null" {
		body = r.Request.Body
	}
	req := httptest.NewRequest(r.Request.Method, r.Request.Path, bytes.NewReader(body))
	for name, value := range r.Request.Headers {
		req.Header.Set(name, value)
	}
	switch {
	case r.Request.Token == "other":
		req.Header.Set("Authorization", "Token wrong")
	case r.Request.Token != "":
		req.Header.Set("Authorization", "Token "+r.Request.Token)
	}
	w := httptest.NewRecorder()
	seeded(r.Old).ServeHTTP(w, req)
	if w.Code != r.Response.Status {
		return fmt.Sprintf("status %d, want %d: %s", w.Code, r.Response.Status, w.Body)
	}
	for _, name := range []string{"Location", "Www-Authenticate"} {
		if want := header(r.Response.Headers, name); want != "" && w.Header().Get(name) != want {
			return fmt.Sprintf("%s %q, want %q", name, w.Header().Get(name), want)
		}
	}
	want, _, _ := mime.ParseMediaType(header(r.Response.Headers, "Content-Type"))
	if got, _, _ := mime.ParseMediaType(w.Header().Get("Content-Type")); want != "" && got != want {
		return fmt.Sprintf("content %q, want %q", got, want)
	}
	if want != "application/json" || r.Request.Method == http.MethodHead {
		return ""
	}
	var got any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		return fmt.Sprintf("body %q: %v", w.Body, err)
	}
	return compare("", got, r.Response.Body, r.Response.Status >= 400)
}

func header(headers map[string]string, name string) string {
	for k, v := range headers {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// compare returns the first difference: exact for errors, else of the shape.
func compare(path string, got, want any, exact bool) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %T, want an object", path, got)
		}
		if exact && len(g) != len(w) {
			return fmt.Sprintf("%s has %v, want %v", path, slices.Sorted(maps.Keys(g)), slices.Sorted(maps.Keys(w)))
		}
		for _, key := range slices.Sorted(maps.Keys(g)) {
			v, there := w[key]
			if !there {
				return fmt.Sprintf("%s.%s is not in the real answer", path, key)
			}
			if diff := compare(path+"."+key, g[key], v, exact); diff != "" {
				return diff
			}
		}
		if _, real := w["id"]; real && g["id"] == nil && len(g) > 0 {
			return path + " has no id"
		}
	case []any:
		g, ok := got.([]any)
		if !ok {
			return fmt.Sprintf("%s is %T, want a list", path, got)
		}
		if exact && len(g) != len(w) {
			return fmt.Sprintf("%s has %d elements, want %d", path, len(g), len(w))
		}
		for i := range min(len(g), len(w)) {
			if diff := compare(fmt.Sprintf("%s[%d]", path, i), g[i], w[i], exact); diff != "" {
				return diff
			}
		}
	default:
		if exact && got != want {
			return fmt.Sprintf("%s is %v, want %v", path, got, want)
		}
		if got != nil && want != nil && fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
			return fmt.Sprintf("%s is %T, want %T", path, got, want)
		}
	}
	return ""
}
