package ciso

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
)

func TestSelectorsThatTheAPIWouldIgnoreAreRefused(t *testing.T) {
	t.Parallel()
	server, c := fake(t, fakeciso.Config{})
	server.AddControl(map[string]any{"ref_id": "a", "name": "a"})
	before := len(server.Journal())
	for _, tc := range []struct{ selector, says string }{
		{`{"todo":"maybe"}`, "use true or false"},
		{`{"is_assigned":"yes"}`, "use true or false"},
		{`{"ref_id":""}`, "select everything"},
		{`{"ref_id":" \u001f"}`, "select everything"},
		{`{"ref_id":"a\u0000"}`, "character"},
		{`{"ref_id":null}`, "null"},
		{`{"ref_id":{}}`, "{}"},
		{`{"ref_id":["a","b"]}`, "one value"},
		{`{"status":[]}`, "empty list"},
		{`{"status":["active",""]}`, "select everything"},
		{`{"status":[["active"]]}`, "needed"},
		{`{"id":"a,b"}`, "comma"},
		{`{"target":"multiple"}`, "names no field"},
		{`{"target":["multiple"],"ref_id":"a"}`, "single or multiple"},
		{`{"search":"a"}`, "does not select"}, {`{"limit":1}`, "does not select"},
		{`{"ordering":"name"}`, "does not select"}, {`{"offset":0}`, "does not select"},
		{`{"refid":"a"}`, `did you mean "ref_id"?`}, {`{"cf.x":"a"}`, "no filter"}, {`{"":"a"}`, "no filter"},
		{`{"` + strings.Repeat("x", 200) + `":"a"}`, "no filter"},
	} {
		_, err := c.Resolve(t.Context(), AppliedControls, parsed(t, tc.selector).(map[string]any))
		wantVerdict(t, err, "invalid_selector")
		if !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %q does not say %q", tc.selector, err, tc.says)
		}
		if check := Selector(parsed(t, tc.selector).(map[string]any)).Check(AppliedControls); verdict(check) != "invalid_selector" {
			t.Errorf("%s: Check says %v", tc.selector, check)
		}
	}
	if n := len(server.Journal()) - before; n != 0 {
		t.Errorf("%d requests for selectors that are wrong in themselves", n)
	}
}

func TestASelectorTooLongForARequestLineIsTheJobsOwnTrouble(t *testing.T) {
	t.Parallel()
	server, c := fake(t, fakeciso.Config{})
	before := len(server.Journal())
	var many []any
	for n := range 200 {
		many = append(many, fmt.Sprintf("%08x-0000-4000-8000-000000000000", n))
	}
	for _, s := range []Selector{{"ref_id": strings.Repeat("x", 6000)}, {"id": many, "target": "multiple"}} {
		_, err := c.Resolve(t.Context(), AppliedControls, s)
		wantVerdict(t, err, "invalid_selector")
	}
	if n := len(server.Journal()) - before; n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestRequestsOfAResolve(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, server *fakeciso.Server, c *Client) {
		id := server.AddControl(map[string]any{"ref_id": "a", "name": "a", "status": "active"})
		audit, reqs := server.AddAudit("ISO", server.AddFramework("F", "A.1", "A.10", "A.2"), "")
		for _, tc := range []struct {
			resource    Resource
			selector    Selector
			first, then int
		}{
			{AppliedControls, Selector{"ref_id": "a"}, 1, 1},
			{AppliedControls, Selector{"id": strings.ToUpper(id)}, 1, 1},
			{AppliedControls, Selector{"id": strings.ReplaceAll(id, "-", "")}, 0, 0}, // the stand-in wants dashes
			{AppliedControls, Selector{"status": "active"}, 1, 1},
			{AppliedControls, Selector{"ref_id": "a", "folder": "Global"}, 2, 1},
			{RequirementAssessments, Selector{"id": reqs["A.1"]}, 1, 1},
			{RequirementAssessments, Selector{"compliance_assessment__ref_id": "ISO", "requirement__ref_id": "A.1"}, 3, 1},
			{RequirementAssessments, Selector{"compliance_assessment": audit, "requirement__ref_id": "A.10"}, 2, 1},
		} {
			if tc.first == 0 {
				continue
			}
			for _, want := range []int{tc.first, tc.then} {
				before := len(server.Journal())
				if _, err := c.Resolve(t.Context(), tc.resource, tc.selector); err != nil {
					t.Errorf("%v: %v", tc.selector, err)
				}
				if n := len(server.Journal()) - before; n != want {
					t.Errorf("%v: %d requests, want %d", tc.selector, n, want)
				}
			}
		}
	})
}

// ignoring is a server that takes no notice of filters.
func ignoring(rows int, autocomplete bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "autocomplete") && !autocomplete {
			answerJSON(w, 404, `{"detail":"Not found."}`)
			return
		}
		limit, offset := 5000, 0
		_, _ = fmt.Sscan(r.URL.Query().Get("limit"), &limit)
		_, _ = fmt.Sscan(r.URL.Query().Get("offset"), &offset)
		page := []map[string]any{}
		for n := offset; n < min(rows, offset+limit); n++ {
			page = append(page, map[string]any{
				"id": fmt.Sprintf("%08x-0000-4000-8000-000000000000", n), "ref_id": fmt.Sprint("r", n/2), "name": "n", "status": "to_do",
				"requirement": map[string]any{"ref_id": fmt.Sprint("r", n/2), "urn": fmt.Sprint("urn:", n)},
			})
		}
		body, _ := json.Marshal(map[string]any{"count": rows, "results": page, "next": "http://elsewhere.invalid/api/x/"})
		answerJSON(w, 200, string(body))
	}
}

func TestAServerThatIgnoresFiltersIsSeenThrough(t *testing.T) {
	t.Parallel()
	for _, autocomplete := range []bool{true, false} {
		c := newStub(t, ignoring(1301, autocomplete)).client(t, nil)
		resolve := func(s Selector) ([]Match, error) { return c.Resolve(t.Context(), AppliedControls, s) }

		got, err := resolve(Selector{"ref_id": "r650"}) // the last row of the third page
		if err != nil || len(got) != 1 || !strings.HasPrefix(got[0].ID, "00000514") {
			t.Errorf("%v %v", got, err)
		}
		_, err = resolve(Selector{"ref_id": "r7"})
		wantVerdict(t, err, "many_matches")
		got, err = resolve(Selector{"ref_id": "r7", "target": "multiple"})
		if err != nil || len(got) != 2 {
			t.Errorf("%v %v", got, err)
		}
		_, err = resolve(Selector{"ref_id": "nothing"})
		wantVerdict(t, err, "no_match")
		_, err = resolve(Selector{"status": "to_do", "target": "multiple"})
		wantVerdict(t, err, "too_many_matches")
	}
}

func TestRequirementsWithoutAnAuditAreLookedAtOneByOne(t *testing.T) {
	t.Parallel()
	c := newStub(t, ignoring(1301, false)).client(t, nil)
	got, err := c.Resolve(t.Context(), RequirementAssessments, Selector{"requirement__ref_id": "r3", "target": "multiple"})
	if err != nil || len(got) != 2 {
		t.Errorf("%v %v", got, err)
	}
	got, err = c.Resolve(t.Context(), RequirementAssessments, Selector{"requirement__urn": "urn:777"})
	if err != nil || len(got) != 1 {
		t.Errorf("%v %v", got, err)
	}
}

func TestHiddenFiltersNeedTheServersWord(t *testing.T) {
	t.Parallel()
	document := `{"paths":{"/api/applied-controls/":{"get":{"parameters":[{"in":"query","name":"owner"},{"in":"path","name":"todo"}]}}}}`
	blocked := false
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/schema/") {
			answerJSON(w, 200, `{"count":1,"results":[{"id":"`+controlID+`"}]}`)
		} else if blocked {
			answerHTML(w, 403)
		} else {
			answerJSON(w, 200, document)
		}
	})
	c := s.client(t, nil)
	_, err := c.Resolve(t.Context(), AppliedControls, Selector{"owner": controlID})
	wantVerdict(t, err, "ok")
	_, err = c.Resolve(t.Context(), AppliedControls, Selector{"todo": true})
	wantVerdict(t, err, "invalid_selector")
	if !strings.Contains(err.Error(), "v3.20.8") {
		t.Errorf("%v does not name the server's version", err)
	}
	blocked = true
	_, err = s.client(t, nil).Resolve(t.Context(), AppliedControls, Selector{"owner": controlID})
	wantVerdict(t, err, "invalid_selector")
}

func TestAnOldServerRefusesFiltersThatItDoesNotHave(t *testing.T) {
	t.Parallel()
	server, c := fake(t, fakeciso.Config{Old: true})
	server.AddControl(map[string]any{"ref_id": "a", "name": "a"})
	_, err := c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": "a", "created_at__gte": "2030-01-01"})
	wantVerdict(t, err, "invalid_selector")
}

func TestWhatIsNoListIsNotAnEmptyList(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"status":"ok"}`, `{"count":0}`, `{"count":1,"results":null}`} {
		c := newStub(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, body) }).client(t, nil)
		_, err := c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": "a"})
		wantVerdict(t, err, "hold api_down")
	}
	for _, body := range []string{`[]`, `null`, `"x"`, ``} {
		c := newStub(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, body) }).client(t, nil)
		_, err := c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": "a"})
		if got := verdict(err); got != "transient" && got != "hold api_down" {
			t.Errorf("%s: %s %v", body, got, err)
		}
	}
}

func TestAListThatChangesWhileItIsReadIsReadAgainLater(t *testing.T) {
	t.Parallel()
	n := 0
	c := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		rows := ignoring(700, true)
		if n++; n > 1 {
			rows = ignoring(699, true)
		}
		rows(w, r)
	}).client(t, nil)
	_, err := c.Resolve(t.Context(), AppliedControls, Selector{"status": "to_do", "target": "multiple"})
	wantVerdict(t, err, "transient")
}

func TestARowListedTwiceIsOneObject(t *testing.T) {
	t.Parallel()
	row := `{"id":"` + controlID + `","ref_id":"a","name":"n"}`
	c := newStub(t, func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 200, `{"count":2,"results":[`+row+`,`+row+`]}`)
	}).client(t, nil)
	for _, target := range []string{"single", "multiple"} {
		got, err := c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": "a", "target": target})
		if err != nil || len(got) != 1 {
			t.Errorf("%v %v", got, err)
		}
	}
}

func TestChoicesAreRecognisedAsListsShowThem(t *testing.T) {
	t.Parallel()
	row := row{"status": "In review", "effort": "Extra Large", "control_impact": "Very Low", "csf_function": "Protect", "priority": "P1",
		"eta": "2027-01-31", "progress_field": json.Number("55"), "is_assigned": false}
	known := controlFilters()
	known["status"] = evidenceFilters()["status"]
	for key, values := range map[string][2]string{
		"status": {"in_review", "draft"}, "effort": {"XL", "L"}, "control_impact": {"1", "2"}, "csf_function": {"protect", "detect"},
		"priority": {"1", "--"}, "category": {"--", "policy"}, "eta": {"2027-01-31", "2027-01-30"}, "eta__lte": {"2027-01-31", "2027-01-30"},
		"eta__lt": {"2027-02-01", "2027-01-31"}, "eta__gt": {"2027-01-30", "2027-01-31"}, "eta__gte": {"2027-01-31", "2027-02-01"},
		"progress_field": {"55", "5"}, "is_assigned": {"false", "true"},
	} {
		if sees := known[key].sees; !sees(row, values[0]) || sees(row, values[1]) {
			t.Errorf("%s: %s %v, %s %v", key, values[0], sees(row, values[0]), values[1], sees(row, values[1]))
		}
	}
}

func TestFailuresNameWhatMatched(t *testing.T) {
	t.Parallel()
	server, c := fake(t, fakeciso.Config{})
	for n := range 5 {
		server.AddControl(map[string]any{"ref_id": "dup", "name": fmt.Sprint("Control ", n)})
	}
	_, err := c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": "dup"})
	wantVerdict(t, err, "many_matches")
	for _, text := range []string{"5 applied-controls", `"Control 0"`, "ref_id=dup", `"target": "multiple"`} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %s", err, text)
		}
	}
	c.cfg.MaxTargets = 4
	_, err = c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": "dup", "target": "multiple"})
	wantVerdict(t, err, "too_many_matches")
	c.cfg.MaxTargets = 5
	got, err := c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": "dup", "target": "multiple"})
	if err != nil || len(got) != 5 {
		t.Errorf("%v %v", got, err)
	}
	_, err = c.Resolve(t.Context(), AppliedControls, Selector{"status": "activ"})
	wantVerdict(t, err, "rejected")
	if !strings.Contains(err.Error(), "status=activ") || !strings.Contains(err.Error(), "Select a valid choice") {
		t.Error(err)
	}
}

func TestAFolderThatIsNotThereIsNoMatch(t *testing.T) {
	t.Parallel()
	_, c := fake(t, fakeciso.Config{})
	for _, given := range []string{controlID, "nowhere", "global/nowhere"} {
		_, err := c.Resolve(t.Context(), AppliedControls, Selector{"ref_id": "a", "folder": given})
		wantVerdict(t, err, "no_match")
		if !strings.Contains(err.Error(), "no folder") {
			t.Error(err)
		}
	}
}

func TestEvidenceIsFoundByItsKeys(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, server *fakeciso.Server, c *Client) {
		domain := server.AddFolder("d", "")
		one := server.AddEvidence(map[string]any{"name": "E", "folder": domain})
		server.AddEvidence(map[string]any{"name": "E"})
		got, err := c.Resolve(t.Context(), Evidences, Selector{"name": "E", "folder": "d"})
		if err != nil || len(got) != 1 || got[0] != (Match{ID: one, Name: "E", FolderID: domain}) {
			t.Errorf("%v %v", got, err)
		}
		_, err = c.Resolve(t.Context(), Evidences, Selector{"name": "E"})
		wantVerdict(t, err, "many_matches")
		_, err = c.Resolve(t.Context(), Evidences, Selector{"ref_id": "E"})
		wantVerdict(t, err, "invalid_selector")
	})
}

func TestOnlyWritesThatCannotChangeTheSelectionNeedNoPin(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		selector, values string
		affects          bool
	}{
		{`{"ref_id":"a"}`, `{"status":"active"}`, false},
		{`{"id":"a","target":"single"}`, `{"id":"b"}`, false},
		{`{"ref_id":"a"}`, `{"ref_id":"b"}`, true},
		{`{"folder":"a"}`, `{"folder":"b"}`, true},
		{`{"status":"to_do"}`, `{"status":"active"}`, true},
		{`{"updated_at__lt":"2027-01-01"}`, `{"status":"active"}`, true},
		{`{"todo":true}`, `{"status":"active"}`, true},
	} {
		s := Selector(parsed(t, tc.selector).(map[string]any))
		if got := s.Affects(parsed(t, tc.values).(map[string]any)); got != tc.affects {
			t.Errorf("%s %s: %v", tc.selector, tc.values, got)
		}
	}
}

func ids(matches []Match) (list []string) {
	for _, m := range matches {
		list = append(list, m.ID)
	}
	slices.Sort(list)
	return list
}
