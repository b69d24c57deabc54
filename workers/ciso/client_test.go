package ciso_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// bothVersions runs a test against a new and an old server.
func bothVersions(t *testing.T, test func(t *testing.T, api *fakeciso.Server, c *ciso.Client)) {
	for _, old := range []bool{false, true} {
		t.Run(map[bool]string{false: "v3.20.8", true: "v3.14.0"}[old], func(t *testing.T) {
			t.Parallel()
			api, c := newClient(t, fakeciso.Config{Old: old}, nil)
			test(t, api, c)
		})
	}
}

func newClient(t testing.TB, cfg fakeciso.Config, change func(*ciso.Config)) (*fakeciso.Server, *ciso.Client) {
	t.Helper()
	api := fakeciso.New(cfg)
	base, err := api.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	config := ciso.Config{
		URL: strings.TrimSuffix(base, "/api"), VerifyCertificate: true, Timeout: 2 * time.Second, MaxTargets: 200,
		Credentials: ciso.Credentials{Token: func() string { return "admin-token" }},
	}
	if change != nil {
		change(&config)
	}
	c, err := ciso.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return api, c
}

func wantCode(t *testing.T, err error, code jobs.Code, says ...string) {
	t.Helper()
	var failure *jobs.Failure
	if !errors.As(err, &failure) || failure.Code != code {
		t.Errorf("error %v, want %s", err, code)
		return
	}
	for _, text := range says {
		if !strings.Contains(failure.Message, text) {
			t.Errorf("%q does not say %q", failure.Message, text)
		}
	}
}

func wantHold(t *testing.T, err error, reason jobs.Reason, says string) {
	t.Helper()
	var hold *jobs.HoldError
	if !errors.As(err, &hold) || hold.Reason != reason || !strings.Contains(err.Error(), says) {
		t.Errorf("error %v, want a hold %s that says %q", err, reason, says)
	}
}

func ids(matches []ciso.Match) string {
	var list []string
	for _, m := range matches {
		list = append(list, m.ID)
	}
	return strings.Join(list, ",")
}

func TestASelectorNeverMatchesMoreThanItSays(t *testing.T) {
	t.Parallel()
	bothVersions(t, func(t *testing.T, api *fakeciso.Server, c *ciso.Client) {
		domain, other := api.AddFolder("mydomain", ""), api.AddFolder("other", "")
		sub := api.AddFolder("sub", domain)
		api.AddFolder("sub", other)
		foo := api.AddControl(map[string]any{"ref_id": "foo", "name": "Foo", "folder": domain, "priority": 2})
		twin := api.AddControl(map[string]any{"ref_id": "dup", "name": "one", "folder": domain, "status": "active"})
		twin2 := api.AddControl(map[string]any{"ref_id": "dup", "name": "two", "folder": sub})
		for name, x := range map[string]struct {
			selector ciso.Selector
			want     string
			code     jobs.Code
			says     string
		}{
			"ref_id":        {selector: ciso.Selector{"ref_id": "foo"}, want: foo},
			"blanks":        {selector: ciso.Selector{"ref_id": " foo "}, want: foo},
			"id":            {selector: ciso.Selector{"id": foo, "target": "single"}, want: foo},
			"ids":           {selector: ciso.Selector{"id": []any{foo, twin}, "target": "multiple"}, want: foo + "," + twin},
			"multiple":      {selector: ciso.Selector{"ref_id": "dup", "target": "multiple"}, want: twin + "," + twin2},
			"folder name":   {selector: ciso.Selector{"ref_id": "dup", "folder": "mydomain"}, want: twin},
			"folder path":   {selector: ciso.Selector{"ref_id": "dup", "folder": "global/mydomain/sub"}, want: twin2},
			"short path":    {selector: ciso.Selector{"ref_id": "dup", "folder": "mydomain/sub"}, want: twin2},
			"folder id":     {selector: ciso.Selector{"ref_id": "dup", "folder": sub}, want: twin2},
			"status":        {selector: ciso.Selector{"ref_id": "dup", "status": "active"}, want: twin},
			"priority":      {selector: ciso.Selector{"priority": "2"}, want: foo},
			"priority n":    {selector: ciso.Selector{"priority": json.Number("2")}, want: foo},
			"choices":       {selector: ciso.Selector{"status": []any{"active", "--"}, "ref_id": "dup", "target": "multiple"}, want: twin + "," + twin2},
			"case":          {selector: ciso.Selector{"ref_id": "FOO"}, code: jobs.CodeNoMatch, says: "may not see"},
			"many":          {selector: ciso.Selector{"ref_id": "dup"}, code: jobs.CodeManyMatches, says: "2 applied-controls"},
			"typo":          {selector: ciso.Selector{"refid": "foo"}, code: jobs.CodeInvalidSelector, says: `did you mean "ref_id"?`},
			"only target":   {selector: ciso.Selector{"target": "multiple"}, code: jobs.CodeInvalidSelector},
			"bad target":    {selector: ciso.Selector{"ref_id": "foo", "target": "all"}, code: jobs.CodeInvalidSelector},
			"empty":         {selector: ciso.Selector{"ref_id": ""}, code: jobs.CodeInvalidSelector, says: "everything"},
			"blank":         {selector: ciso.Selector{"ref_id": "  "}, code: jobs.CodeInvalidSelector},
			"null":          {selector: ciso.Selector{"ref_id": nil}, code: jobs.CodeInvalidSelector},
			"object":        {selector: ciso.Selector{"ref_id": map[string]any{}}, code: jobs.CodeInvalidSelector},
			"list of text":  {selector: ciso.Selector{"ref_id": []any{"a"}}, code: jobs.CodeInvalidSelector},
			"empty list":    {selector: ciso.Selector{"status": []any{}}, code: jobs.CodeInvalidSelector},
			"search":        {selector: ciso.Selector{"search": "foo"}, code: jobs.CodeInvalidSelector, says: "does not select"},
			"bad choice":    {selector: ciso.Selector{"status": "activ"}, code: jobs.CodeRejected, says: "activ"},
			"bad id":        {selector: ciso.Selector{"id": "abc"}, code: jobs.CodeRejected, says: "UUID"},
			"no folder":     {selector: ciso.Selector{"ref_id": "foo", "folder": "nowhere"}, code: jobs.CodeNoMatch, says: "nowhere"},
			"two folders":   {selector: ciso.Selector{"ref_id": "foo", "folder": "sub"}, code: jobs.CodeInvalidSelector, says: "ambiguous"},
			"hidden filter": {selector: ciso.Selector{"ref_id": "foo", "owner": foo}, code: jobs.CodeRejected, says: "owner: Select a valid choice"},
		} {
			got, err := c.Resolve(t.Context(), ciso.AppliedControls, x.selector)
			if x.code != "" {
				wantCode(t, err, x.code, x.says)
				continue
			}
			if err != nil || ids(got) != x.want {
				t.Errorf("%s: %s, want %s: %v", name, ids(got), x.want, err)
			}
		}
		if strings.HasPrefix(c.Version(), "v3.14") { // it does not filter by incidents yet, and no row shows them
			_, err := c.Resolve(t.Context(), ciso.AppliedControls, ciso.Selector{"ref_id": "foo", "incidents": foo})
			wantCode(t, err, jobs.CodeInvalidSelector, "incidents")
		}
	})
}

func TestOneRequirementIsMeantByItsRefIDOnEveryVersion(t *testing.T) {
	t.Parallel()
	bothVersions(t, func(t *testing.T, api *fakeciso.Server, c *ciso.Client) {
		framework := api.AddFramework("ISO", "A.5.1", "A.5.10", "A.5.2")
		_, want := api.AddAudit("ISO_001", framework, "")
		api.AddAudit("ISO_002", framework, "")
		selector := ciso.Selector{"compliance_assessment__ref_id": "ISO_001", "requirement__ref_id": "A.5.1"}
		for range 2 {
			before := len(api.Journal())
			got, err := c.Resolve(t.Context(), ciso.RequirementAssessments, selector)
			if err != nil || ids(got) != want["A.5.1"] {
				t.Fatalf("%s, want %s: %v", ids(got), want["A.5.1"], err)
			}
			if n := len(api.Journal()) - before; n > 3 {
				t.Errorf("%d requests", n)
			}
		}
		before := len(api.Journal())
		if _, err := c.Resolve(t.Context(), ciso.RequirementAssessments, selector); err != nil || len(api.Journal())-before != 1 {
			t.Errorf("repeated: %d requests, %v", len(api.Journal())-before, err)
		}
		got, err := c.Resolve(t.Context(), ciso.RequirementAssessments, ciso.Selector{"requirement__ref_id": "A.5.1", "target": "multiple"})
		if err != nil || len(got) != 2 {
			t.Errorf("over all audits: %v %v", got, err)
		}
		_, err = c.Resolve(t.Context(), ciso.RequirementAssessments, ciso.Selector{"compliance_assessment__ref_id": "ISO_001", "requirement__ref_id": "A.5"})
		wantCode(t, err, jobs.CodeNoMatch)
		_, err = c.Resolve(t.Context(), ciso.RequirementAssessments, ciso.Selector{"compliance_assessment__ref_id": "NONE", "requirement__ref_id": "A.5.1"})
		wantCode(t, err, jobs.CodeNoMatch)
		_, err = c.Resolve(t.Context(), ciso.RequirementAssessments, ciso.Selector{"compliance_assessment__ref_id": "ISO_001"})
		wantCode(t, err, jobs.CodeManyMatches)

		// An audit that was made after the first look is noticed.
		_, more := api.AddAudit("ISO_001", api.AddFramework("NIST", "A.5.1"), "")
		_, err = c.Resolve(t.Context(), ciso.RequirementAssessments, ciso.Selector{"compliance_assessment__ref_id": "ISO_001", "requirement__urn": "urn:test:req_node:nist:a.5.1"})
		if api.Object("requirement-assessments", more["A.5.1"]) == nil || err != nil {
			t.Errorf("new audit: %v", err)
		}
	})
}

func TestManyObjectsArePagedAndBounded(t *testing.T) {
	t.Parallel()
	bothVersions(t, func(t *testing.T, api *fakeciso.Server, c *ciso.Client) {
		for i := range 150 {
			api.AddControl(map[string]any{"ref_id": "many", "name": fmt.Sprint("n", i)})
		}
		got, err := c.Resolve(t.Context(), ciso.AppliedControls, ciso.Selector{"ref_id": "many", "target": "multiple"})
		if err != nil || len(got) != 150 {
			t.Errorf("%d objects: %v", len(got), err)
		}
		for i := range 60 {
			api.AddControl(map[string]any{"ref_id": "many", "name": fmt.Sprint("m", i)})
		}
		_, err = c.Resolve(t.Context(), ciso.AppliedControls, ciso.Selector{"ref_id": "many", "target": "multiple"})
		wantCode(t, err, jobs.CodeTooManyMatches, "210", "MAX_TARGETS")
	})
}

func TestAnUpdateIsTrueOrSaysWhatIsNot(t *testing.T) {
	t.Parallel()
	bothVersions(t, func(t *testing.T, api *fakeciso.Server, c *ciso.Client) {
		evidence := api.AddEvidence(map[string]any{"name": "e"})
		id := api.AddControl(map[string]any{"ref_id": "foo", "name": "Foo", "evidences": []any{evidence}})
		n := func(s string) any { return json.Number(s) }
		for name, x := range map[string]struct {
			values map[string]any
			code   jobs.Code
			says   string
		}{
			"text for number":  {values: map[string]any{"priority": "1"}},
			"number for text":  {values: map[string]any{"name": n("12")}},
			"trimmed":          {values: map[string]any{"observation": "  x \n"}},
			"several":          {values: map[string]any{"status": "active", "priority": n("3"), "eta": "2026-12-01", "is_published": "false"}},
			"forced":           {values: map[string]any{"status": "active", "progress_field": n("10")}},
			"null":             {values: map[string]any{"priority": nil}},
			"links":            {values: map[string]any{"evidences": []any{evidence, evidence}}},
			"clear":            {values: map[string]any{"evidences": []any{}}},
			"unknown field":    {values: map[string]any{"nosuch": "x", "status": "to_do"}, code: jobs.CodeIgnoredFields, says: "nosuch"},
			"applied is named": {values: map[string]any{"nosuch": "x", "status": "to_do"}, code: jobs.CodeIgnoredFields, says: "applied: status"},
			"read-only":        {values: map[string]any{"created_at": "2020-01-01"}, code: jobs.CodeIgnoredFields, says: "created_at"},
			"bad choice":       {values: map[string]any{"priority": "P1"}, code: jobs.CodeRejected, says: "priority"},
			"two bad":          {values: map[string]any{"priority": "P1", "eta": "soon"}, code: jobs.CodeRejected, says: "eta: Date has wrong format"},
			"list of null":     {values: map[string]any{"evidences": []any{nil}}, code: jobs.CodeRejected, says: "unlink everything"},
			"list of empty":    {values: map[string]any{"evidences": []any{""}}, code: jobs.CodeRejected, says: "unlink everything"},
			"too large":        {values: map[string]any{"observation": strings.Repeat("x", 3_000_000)}, code: jobs.CodeRejected, says: "2621440"},
		} {
			requests := len(api.Journal())
			err := c.Update(t.Context(), ciso.AppliedControls, id, x.values)
			if x.code == "" && err != nil {
				t.Errorf("%s: %v", name, err)
			} else if x.code != "" {
				wantCode(t, err, x.code, x.says)
			}
			if n := len(api.Journal()) - requests; n > 1 {
				t.Errorf("%s: %d requests", name, n)
			}
		}
		if err := c.Update(t.Context(), ciso.AppliedControls, "00000000-0000-4000-8000-00000000dead", map[string]any{"status": "active"}); !errors.Is(err, ciso.ErrGone) {
			t.Errorf("gone: %v", err)
		}
		object, err := c.Object(t.Context(), ciso.AppliedControls, id)
		if err != nil || !c.Same(object, map[string]any{"is_published": false}) || c.Same(object, map[string]any{"is_published": true}) {
			t.Errorf("%v %v", object["is_published"], err)
		}
	})
}

func TestARequirementInALockedAuditIsRejectedWithTheReason(t *testing.T) {
	t.Parallel()
	bothVersions(t, func(t *testing.T, api *fakeciso.Server, c *ciso.Client) {
		audit, reqs := api.AddAudit("A", api.AddFramework("F", "R1"), "")
		if err := c.Update(t.Context(), ciso.RequirementAssessments, reqs["R1"], map[string]any{"result": "compliant", "status": ""}); err != nil {
			t.Error(err)
		}
		api.SetFields("compliance-assessments", audit, map[string]any{"is_locked": true})
		err := c.Update(t.Context(), ciso.RequirementAssessments, reqs["R1"], map[string]any{"result": "compliant"})
		wantCode(t, err, jobs.CodeRejected, "audit is locked")
	})
}

func file(name, content string) ciso.File {
	return ciso.File{Name: name, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

func TestEvidenceIsMadeWithFileAndLinksAndGetsRevisions(t *testing.T) {
	t.Parallel()
	bothVersions(t, func(t *testing.T, api *fakeciso.Server, c *ciso.Client) {
		domain := api.AddFolder("d", "")
		var controls []string
		for i := range 130 {
			controls = append(controls, api.AddControl(map[string]any{"ref_id": fmt.Sprint("c", i), "name": fmt.Sprint("c", i), "folder": domain}))
		}
		first := api.AddEvidence(map[string]any{"name": "old one", "folder": domain})
		api.SetFields("applied-controls", controls[0], map[string]any{"evidences": []any{first}})

		id, err := c.CreateEvidence(t.Context(), ciso.NewEvidence{Name: "E", FolderID: domain, Description: "d", AppliedControls: controls[:2], File: file("a-1234.txt", "bytes")})
		if err != nil {
			t.Fatal(err)
		}
		if got := api.Object("applied-controls", controls[0])["evidences"].([]any); len(got) != 2 {
			t.Errorf("links %v", got)
		}
		e := ciso.Evidence{ID: id, FolderID: domain}
		if _, err := c.AddRevision(t.Context(), e, "job x", file("a-5678.txt", "other")); err != nil {
			t.Fatal(err)
		}
		revisions, err := c.Revisions(t.Context(), id, 10)
		if err != nil || len(revisions) != 2 || revisions[0].Version != 2 || revisions[0].Attachment != "a-5678.txt" || revisions[0].Observation != "job x" {
			t.Errorf("%+v %v", revisions, err)
		}
		if string(api.File(revisions[1].ID)) != "bytes" {
			t.Error("the first file is not what was sent")
		}
		if err := c.Link(t.Context(), ciso.AppliedControls, controls, id); err != nil {
			t.Fatal(err)
		}
		for _, control := range controls {
			links := api.Object("applied-controls", control)["evidences"].([]any)
			if links[len(links)-1] != id {
				t.Fatalf("control %s has %v", control, links)
			}
		}
		if got := api.Object("applied-controls", controls[0])["evidences"].([]any); len(got) != 2 {
			t.Errorf("a link was lost: %v", got)
		}
		for _, name := range []string{"E", "e"} {
			found, err := c.FindEvidence(t.Context(), name, domain)
			if err != nil || len(found) != 1 || found[0].ID != id {
				t.Errorf("find %s: %v %v", name, found, err)
			}
		}
		_, err = c.CreateEvidence(t.Context(), ciso.NewEvidence{Name: "e", FolderID: domain, File: file("b.txt", "x")})
		wantCode(t, err, jobs.CodeRejected, "already used")
		_, err = c.AddRevision(t.Context(), e, "", file("tool.exe", "x"))
		wantCode(t, err, jobs.CodeRejected, "Unsupported file extension")
		if err := c.Link(t.Context(), ciso.AppliedControls, []string{"00000000-0000-4000-8000-00000000dead"}, id); err == nil {
			t.Error("linked to nothing")
		}
	})
}

func TestOnlyTheAPIsOwnWordFailsAJob(t *testing.T) {
	t.Parallel()
	patch := regexp.MustCompile("applied-controls")
	for name, x := range map[string]struct {
		fault fakeciso.Fault
		down  bool
		check func(t *testing.T, err error)
	}{
		"redirect": {fault: fakeciso.Fault{Kind: fakeciso.Status, Code: 301, Body: "<html>", Header: map[string]string{"Location": "https://elsewhere/"}},
			check: func(t *testing.T, err error) { wantHold(t, err, jobs.HoldAPIDown, "elsewhere") }},
		"html 200": {fault: fakeciso.Fault{Kind: fakeciso.Status, Code: 200, Body: "<html>login"},
			check: func(t *testing.T, err error) { wantHold(t, err, jobs.HoldAPIDown, "proxy") }},
		"html 403": {fault: fakeciso.Fault{Kind: fakeciso.Status, Code: 403, Body: "<html>WAF"},
			check: func(t *testing.T, err error) { wantHold(t, err, jobs.HoldAPIDown, "not the API's") }},
		"html 404": {fault: fakeciso.Fault{Kind: fakeciso.Status, Code: 404, Body: "<html>"},
			check: func(t *testing.T, err error) { wantHold(t, err, jobs.HoldAPIDown, "not the API's") }},
		"html 400": {fault: fakeciso.Fault{Kind: fakeciso.Status, Code: 400, Body: "<html>Bad Request (400)"},
			check: func(t *testing.T, err error) { wantHold(t, err, jobs.HoldAPIDown, "ALLOWED_HOSTS") }},
		"html 413": {fault: fakeciso.Fault{Kind: fakeciso.Status, Code: 413, Body: "<html>"},
			check: func(t *testing.T, err error) { wantCode(t, err, jobs.CodeRejected, "limit") }},
		"json 403": {fault: fakeciso.Fault{Kind: fakeciso.Status, Code: 403, Body: `{"detail":"no right"}`},
			check: func(t *testing.T, err error) { wantCode(t, err, jobs.CodeForbidden, "no right") }},
		"500": {fault: fakeciso.Fault{Kind: fakeciso.Status, Code: 500, Body: "<html>Server Error (500)"},
			check: wantTransient(0)},
		"502": {fault: fakeciso.Fault{Kind: fakeciso.Status, Code: 502, Body: "<html>"},
			check: func(t *testing.T, err error) { wantTransient(0)(t, err); wantUnanswered(t, err) }},
		"429": {fault: fakeciso.Fault{Kind: fakeciso.Status, Code: 429, Body: `{"detail":"slow"}`, Header: map[string]string{"Retry-After": "7"}},
			check: wantTransient(7 * time.Second)},
		"locked": {fault: fakeciso.Fault{Kind: fakeciso.Status, Code: 400, Body: `["database is locked"]`},
			check: wantTransient(0)},
		"reset after": {fault: fakeciso.Fault{Kind: fakeciso.ResetAfter},
			check: func(t *testing.T, err error) { wantTransient(0)(t, err); wantUnanswered(t, err) }},
		"hang": {fault: fakeciso.Fault{Kind: fakeciso.Hang, Delay: 20 * time.Second},
			check: func(t *testing.T, err error) { wantTransient(0)(t, err); wantUnanswered(t, err) }},
		"outage": {down: true,
			check: func(t *testing.T, err error) { wantHold(t, err, jobs.HoldAPIDown, "502") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, c := newClient(t, fakeciso.Config{}, func(c *ciso.Config) { c.Timeout = 500 * time.Millisecond })
			id := api.AddControl(map[string]any{"name": "x"})
			x.fault.Method, x.fault.Path, x.fault.Times = "PATCH", patch, -1
			if x.down {
				api.Down(true)
			} else {
				api.AddFault(x.fault)
			}
			x.check(t, c.Update(t.Context(), ciso.AppliedControls, id, map[string]any{"status": "active"}))
			if struck := api.Struck()[x.fault.Kind]; struck == 0 && !x.down {
				t.Error("the fault did not strike")
			}
		})
	}
}

func wantTransient(after time.Duration) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		t.Helper()
		var transient *jobs.TransientError
		if !errors.As(err, &transient) || transient.RetryAfter != after {
			t.Errorf("error %v, want a transient one with retry after %s", err, after)
		}
	}
}

func wantUnanswered(t *testing.T, err error) {
	t.Helper()
	var u *ciso.UnansweredError
	if !errors.As(err, &u) {
		t.Errorf("error %v does not say that the write may land", err)
	}
}

func TestABreakerOpensForManyObjectsNotForOne(t *testing.T) {
	t.Parallel()
	api, c := newClient(t, fakeciso.Config{}, nil)
	api.AddFault(fakeciso.Fault{Method: "PATCH", Times: -1, Kind: fakeciso.Status, Code: 500, Body: "<html>"})
	for range 10 {
		wantTransient(0)(t, c.Update(t.Context(), ciso.AppliedControls, api.Root(), map[string]any{"status": "active"}))
	}
	var last error
	for i := range 5 {
		id := api.AddControl(map[string]any{"name": fmt.Sprint(i)})
		last = c.Update(t.Context(), ciso.AppliedControls, id, map[string]any{"status": "active"})
	}
	wantHold(t, last, jobs.HoldAPIDown, "several objects")
}

func TestNobodyAtTheAddressIsAHoldWithTheRemedy(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct{ url, says string }{
		"refused":     {"http://127.0.0.1:1", "is API_URL right"},
		"front end":   {serve(t, http.StatusOK, "text/html", "<html>"), "no CISO Assistant API"},
		"tls to http": {strings.Replace(serve(t, 200, "text/html", ""), "http:", "https:", 1), "speaks http"},
	} {
		c, err := ciso.New(ciso.Config{URL: x.url, VerifyCertificate: true, Credentials: ciso.Credentials{Token: func() string { return "t" }}})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Connect(t.Context())
		wantHold(t, err, jobs.HoldAPIDown, x.says)
		_ = name
	}
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	defer tls.Close()
	c, _ := ciso.New(ciso.Config{URL: tls.URL, VerifyCertificate: true})
	wantHold(t, c.Connect(t.Context()), jobs.HoldAPIDown, "API_CA_FILE")
}

func serve(t *testing.T, status int, kind, body string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestTheTokenStaysWithItsOrigin(t *testing.T) {
	t.Parallel()
	var leaked []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		leaked = append(leaked, r.Header.Get("Authorization"))
	}))
	defer other.Close()
	api, c := newClient(t, fakeciso.Config{}, nil)
	api.AddFault(fakeciso.Fault{Times: -1, Kind: fakeciso.Status, Code: 302, Body: "<html>", Header: map[string]string{"Location": other.URL + "/api/applied-controls/"}})
	_, err := c.Resolve(t.Context(), ciso.AppliedControls, ciso.Selector{"ref_id": "x"})
	wantHold(t, err, jobs.HoldAPIDown, "redirects")
	if len(leaked) > 0 {
		t.Errorf("the other origin was asked with %q", leaked)
	}
}
