package ciso

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dispatcher/internal/fakeciso"
)

func TestARequirementIsExactlyTheOneNamed(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, server *fakeciso.Server, c *Client) {
		framework := server.AddFramework("F", "A.1", "A.10", "A.2")
		_, first := server.AddAudit("ISO", framework, "")
		_, second := server.AddAudit("SOC", framework, "")
		resolve := func(s Selector) ([]Match, error) { return c.Resolve(t.Context(), RequirementAssessments, s) }
		for ref, id := range first {
			got, err := resolve(Selector{"compliance_assessment__ref_id": "ISO", "requirement__ref_id": ref})
			if err != nil || len(got) != 1 || got[0].ID != id {
				t.Errorf("%s: %v %v, want %s", ref, got, err, id)
			}
		}
		got, err := resolve(Selector{"requirement__ref_id": "A.1", "target": "multiple"})
		want := []string{first["A.1"], second["A.1"]}
		slices.Sort(want)
		if diff := cmp.Diff(want, ids(got)); diff != "" || err != nil {
			t.Error(diff, err)
		}
		got, err = resolve(Selector{"compliance_assessment__ref_id": "ISO", "target": "multiple"})
		if err != nil || len(got) != 3 {
			t.Errorf("%v %v", got, err)
		}
		for _, s := range []Selector{
			{"compliance_assessment__ref_id": "ISO", "requirement__ref_id": "A"},
			{"compliance_assessment__ref_id": "iso", "requirement__ref_id": "A.1"},
			{"requirement__ref_id": "a.1"},
		} {
			_, err := resolve(s)
			wantVerdict(t, err, "no_match")
		}
	})
}

func TestTwoAuditsOfOneRefIDAreTwo(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, server *fakeciso.Server, c *Client) {
		framework := server.AddFramework("F", "A.1")
		s := Selector{"compliance_assessment__ref_id": "ISO", "requirement__ref_id": "A.1"}
		server.AddAudit("ISO", framework, "")
		if _, err := c.Resolve(t.Context(), RequirementAssessments, s); err != nil {
			t.Fatal(err)
		}
		// What is remembered of the first must not hide the second.
		server.AddAudit("ISO", framework, "")
		_, err := c.Resolve(t.Context(), RequirementAssessments, s)
		wantVerdict(t, err, "many_matches")
	})
}

func TestAnAuditMadeAgainIsFoundAtOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, server *fakeciso.Server, c *Client) {
		clock := newClock()
		c.cfg.Clock = clock.now
		s := Selector{"compliance_assessment__ref_id": "ISO", "requirement__ref_id": "A.1"}
		old, _ := server.AddAudit("ISO", server.AddFramework("F", "A.1"), "")
		if _, err := c.Resolve(t.Context(), RequirementAssessments, s); err != nil {
			t.Fatal(err)
		}
		server.SetFields("compliance-assessments", old, map[string]any{"ref_id": "ISO (old)"})
		_, reqs := server.AddAudit("ISO", server.AddFramework("G", "A.1"), "")
		got, err := c.Resolve(t.Context(), RequirementAssessments, s)
		if err != nil || len(got) != 1 || got[0].ID != reqs["A.1"] {
			t.Errorf("%v %v", got, err)
		}
		clock.advance(time.Hour)
		got, err = c.Resolve(t.Context(), RequirementAssessments, Selector{"compliance_assessment": old, "requirement__ref_id": "A.1"})
		if err != nil || len(got) != 1 || got[0].ID == reqs["A.1"] {
			t.Errorf("%v %v", got, err)
		}
	})
}

func TestAnUnknownAuditIsNoMatchOrTheAPIsNo(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, server *fakeciso.Server, c *Client) {
		server.AddAudit("ISO", server.AddFramework("F", "A.1"), "")
		_, err := c.Resolve(t.Context(), RequirementAssessments, Selector{"compliance_assessment__ref_id": "NOPE", "target": "multiple"})
		wantVerdict(t, err, "no_match")
		_, err = c.Resolve(t.Context(), RequirementAssessments, Selector{"compliance_assessment": controlID, "requirement__ref_id": "A.1"})
		wantVerdict(t, err, "rejected")
		if !strings.Contains(err.Error(), "compliance_assessment") {
			t.Error(err)
		}
	})
}

func TestANodeThatALibraryUpdateRenamedIsFound(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, server *fakeciso.Server, c *Client) {
		clock := newClock()
		c.cfg.Clock = clock.now
		framework := server.AddFramework("F", "A.1", "A.2")
		_, reqs := server.AddAudit("ISO", framework, "")
		s := Selector{"compliance_assessment__ref_id": "ISO", "requirement__ref_id": "A.1"}
		if _, err := c.Resolve(t.Context(), RequirementAssessments, s); err != nil {
			t.Fatal(err)
		}
		node := server.Object("requirement-assessments", reqs["A.1"])["requirement"].(string)
		server.SetFields("requirement-nodes", node, map[string]any{"urn": "urn:new"})
		clock.advance(auditFresh)
		got, err := c.Resolve(t.Context(), RequirementAssessments, s)
		if err != nil || len(got) != 1 || got[0].ID != reqs["A.1"] {
			t.Errorf("%v %v", got, err)
		}
	})
}
