package fakeciso

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
)

// TestFiltersThatLookAtOtherObjects are those that no recording uses.
func TestFiltersThatLookAtOtherObjects(t *testing.T) {
	t.Parallel()
	s := New(Config{})
	audit, requirements := s.AddAudit("A", s.AddFramework("F", "1", "2"), "")
	other, _ := s.AddAudit("B", s.AddFramework("G", "1"), "")
	perimeter := s.add("perimeters", map[string]any{"name": "p"})
	s.SetFields("compliance-assessments", audit, map[string]any{"perimeter": perimeter})
	control := s.AddControl(map[string]any{"name": "c", "eta": "2027-03-31"})
	s.AddControl(map[string]any{"name": "d"})
	if code := do(s, "PATCH", "/api/requirement-assessments/"+requirements["1"]+"/", `{"applied_controls":["`+control+`"]}`); code != 200 {
		t.Fatalf("status %d", code)
	}
	for query, want := range map[string]int{
		"applied-controls/?compliance_assessments=" + audit:                         1,
		"applied-controls/?compliance_assessments=" + other:                         0,
		"applied-controls/?requirement_assessments=" + requirements["1"]:            1,
		"applied-controls/?eta__month=3":                                            1,
		"applied-controls/?eta__year=2026":                                          0,
		"applied-controls/?eta__gte=2027-03-31":                                     1,
		"applied-controls/?eta__gt=2027-03-31":                                      0,
		"applied-controls/?created_at__gte=2020-01-01":                              2,
		"applied-controls/?is_assigned=true":                                        0,
		"applied-controls/?is_assigned=false":                                       2,
		"applied-controls/?linked_models=asset":                                     0,
		"requirement-assessments/?compliance_assessment__perimeter=" + perimeter:    2,
		"requirement-assessments/?compliance_assessment__perimeter__name=p":         2,
		"requirement-assessments/?compliance_assessment__perimeter__name=q":         0,
		"requirement-assessments/?applied_controls=" + control:                      1,
		"requirement-assessments/?compliance_assessment__assets__ref_id=x":          0,
		"requirement-assessments/?requirement__urn=urn:test:req_node:f:2&result=":   1,
		"requirement-assessments/?requirement__assessable=true&ordering=-folder,id": 3,
	} {
		r := httptest.NewRequest("GET", "/api/"+query, nil)
		r.Header.Set("Authorization", "Token admin-token")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var page struct{ Count int }
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 || page.Count != want {
			t.Errorf("%s: %d, %d rows, want %d: %v", query, w.Code, page.Count, want, err)
		}
	}
}
