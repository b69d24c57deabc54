package ciso

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
)

// inProcess serves requests without a connection.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// FuzzSelector: whatever a message says, what it matches shows every field that
// it named, and everything else is a failure in one line.
func FuzzSelector(f *testing.F) {
	for _, seed := range []string{
		`{"ref_id":"a"}`, `{"ref_id":"a","target":"multiple"}`, `{"name":"n 1","status":"active"}`, `{"id":["a",1,true,null]}`,
		`{"target":"multiple"}`, `{"folder":"d/sub","target":"multiple"}`, `{"folder":{"a":1}}`, `{"":""}`, `{"ref_id":" a\u001f"}`,
		`{"status":["active","--"],"target":"multiple"}`, `{"priority":1}`, `{"todo":"x"}`, `{"todo":true,"target":"multiple"}`,
		`{"requirement__ref_id":"A.1","target":"multiple"}`, `{"compliance_assessment__ref_id":"ISO","requirement__ref_id":"A.1"}`,
		`{"id":"00000004-0000-4000-8000-000000000004"}`, `{"ref_id":0}`, `{"name":-0.0}`, `{"folder__name":"d","target":"multiple"}`,
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	servers := make(map[bool]*fakeciso.Server)
	clients := make(map[bool]*Client)
	for _, old := range []bool{false, true} {
		servers[old], clients[old] = fuzzed(f, old)
	}
	f.Fuzz(func(t *testing.T, raw string, old bool) {
		var selector Selector
		if decode([]byte(raw), &selector) != nil {
			return
		}
		for _, resource := range []Resource{AppliedControls, RequirementAssessments, Evidences} {
			got, err := clients[old].Resolve(t.Context(), resource, selector)
			if err != nil {
				if v := verdict(err); v == "?" || v == "hold api_down" || strings.ContainsAny(err.Error(), "\n\r") {
					t.Errorf("%s %s: %s %v", resource, raw, v, err)
				}
				continue
			}
			for _, m := range got {
				check(t, servers[old].Object(string(resource), m.ID), selector)
			}
			if len(got) == 0 || len(got) > 1 && selector["target"] != "multiple" {
				t.Errorf("%s %s: %d matches", resource, raw, len(got))
			}
		}
	})
}

func fuzzed(f *testing.F, old bool) (*fakeciso.Server, *Client) {
	f.Helper()
	server := fakeciso.New(fakeciso.Config{Old: old})
	domain := server.AddFolder("d", "")
	sub := server.AddFolder("sub", domain)
	server.AddControl(map[string]any{"ref_id": "a", "name": "n 1", "status": "active", "folder": domain})
	server.AddControl(map[string]any{"ref_id": "a", "name": "n 2", "priority": 1, "folder": sub})
	server.AddControl(map[string]any{"ref_id": "0", "name": "0", "status": "to_do"})
	server.AddEvidence(map[string]any{"name": "a", "folder": sub})
	framework := server.AddFramework("F", "A.1", "A.10")
	server.AddAudit("ISO", framework, domain)
	server.AddAudit("SOC", framework, "")
	c, err := New(Config{URL: "http://fake/api", Credentials: token("admin-token"), Transport: inProcess{server}})
	if err != nil {
		f.Fatal(err)
	}
	if err := c.Connect(context.Background()); err != nil {
		f.Fatal(err)
	}
	c.rights.checked = c.cfg.Clock().AddDate(1, 0, 0) // misses are what this is about
	return server, c
}

// check is the plain reading of a selector, for the fields that need no API.
func check(t *testing.T, object map[string]any, s Selector) {
	t.Helper()
	named := 0
	for key, want := range s {
		if key != "target" {
			named++
		}
		if !slices.Contains([]string{"ref_id", "name", "status", "result"}, key) {
			continue
		}
		values, isList := want.([]any)
		if !isList {
			values = []any{want}
		}
		if !slices.ContainsFunc(values, func(v any) bool { return plain(v) == plain(object[key]) }) {
			t.Errorf("%v matched an object whose %s is %v", s, key, object[key])
		}
	}
	if named == 0 {
		t.Errorf("%v names nothing and matched", s)
	}
}

func plain(v any) string {
	if s, ok := v.(string); ok {
		return strings.TrimFunc(s, blank)
	}
	text, _ := json.Marshal(v)
	return string(text)
}

// FuzzUpdate: whatever is sent, the outcome is true: success only if the object
// then shows it, and nothing panics.
func FuzzUpdate(f *testing.F) {
	for _, seed := range []string{
		`{"status":"active"}`, `{"priority":"1"}`, `{"name":12}`, `{"evidences":[null]}`, `{"evidences":[]}`, `{"observation":" x "}`,
		`{"status":"","nosuch":1}`, `{"eta":null}`, `{"is_published":"1"}`, `{"cost":{"a":[1,{"b":null}]}}`, `{"progress_field":1e1}`, `{"id":"x"}`,
	} {
		f.Add(seed)
	}
	server, c := fuzzed(f, false)
	id := server.AddControl(map[string]any{"ref_id": "fuzz", "name": "fuzz"})
	f.Fuzz(func(t *testing.T, raw string) {
		var values map[string]any
		if decode([]byte(raw), &values) != nil || len(values) == 0 {
			return
		}
		err := c.Update(t.Context(), AppliedControls, id, values)
		if v := verdict(err); v == "?" || v == "hold api_down" {
			t.Fatalf("%s: %s %v", raw, v, err)
		}
		if err != nil {
			return
		}
		object, err := c.Object(t.Context(), AppliedControls, id)
		for _, name := range []string{"status", "observation", "ref_id", "is_published"} {
			if sent, ok := values[name]; ok && (err != nil || !sameValue(object[name], sent)) {
				t.Errorf("%s is said to be done, but %s is %v (%v)", raw, name, object[name], err)
			}
		}
	})
}
