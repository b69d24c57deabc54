package fakeciso

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// lab is a stand-in with the objects of the laboratory that the recordings were
// made in, under their ids.
type lab struct {
	*Server
	ids   map[string]string // of the real server → of the stand-in, of what was made since
	token string            // of the last login
	host  string            // by which the server is called
}

// ids of the laboratory on the new and on the old server.
var (
	labRoot   = [2]string{"ba245981-d05e-4906-999b-60fe620e81fb", "ad872db3-79e1-4511-b4ca-b026864e88aa"}
	labFolder = [2]string{"40495cfc-c4bd-443b-a99e-03763553fef0", "22d79080-4d08-49b0-b13a-84c1e1301624"}
	labOther  = [2]string{"a07907cb-f86a-4e4d-a016-8ebb179a67c4", ""}
	framework = [2]string{"1bcf61ba-73ab-44a3-b8d7-926b121242bf", "d0e73133-98fe-4527-b9a6-507c083bd40b"}
	audit     = [2]string{"a318d2ca-3707-4b7d-a241-4ff89ee1179d", "36a45834-6634-4bfb-8f59-19c763afd883"}
	perimeter = [2]string{"efef7681-76c6-40ca-8018-05ea10e94016", "72f7e1a8-d444-4e2e-9390-84f9c2444a2c"}
	sample    = [2]string{"d48d371b-c30f-4a34-8026-7daa03802251", "28e3dbb2-47f0-484e-88c5-21b1eee50be2"}
	secret    = [2]string{"f971fd89-a972-4d4d-9fff-f7de787b4569", "3e6a9b74-b649-4a89-8b0a-2919e0217745"}
	second    = [2]string{"8a419bc7-5b25-4475-9fac-0bf9d4ad1ecd", "9aa8ddbc-3848-486c-a305-0d95743f7c5d"}
	foo       = [2]string{"53fb665c-334c-4dd8-9c00-35299a794e41", "7d280491-7b08-42c3-b56a-b63f1afb1415"}
	foo2      = [2]string{"3367b4b8-113c-4b6c-beae-17c2421f5f91", "e25984ea-c232-495f-8f5b-c58d9144813f"}
	dupOne    = [2]string{"c57b9e5d-b642-4450-b6d3-3f36b0db517d", "85fdd9ae-5b47-42a1-9f9a-1a73cd98e6f9"}
	dupTwo    = [2]string{"04321cee-0f07-4c97-aa18-6c0fb157f8c0", ""}
	fooB      = [2]string{"c81808a4-f8c6-46c6-86f4-1e241a6dddf9", ""}
)

func newLab(old, debug bool) *lab {
	v, version, host := 0, "v3.20.8-21-gf990d7b1b", "127.0.0.1:8000"
	if old {
		v, version, host = 1, "v3.14.0", "127.0.0.1:8001"
	}
	folder := []string{labFolder[v]}
	l := &lab{host: host, ids: make(map[string]string), Server: New(Config{
		Old: old, Debug: debug, Version: version, LoginLimit: 30, AllowedHosts: []string{"127.0.0.1", "localhost"},
		Users: []User{
			{Email: "admin@tests.com", Password: "badpass12345", Token: "admin", Role: Admin},
			{Email: "reader@tests.com", Token: "reader", Role: Reader, Domains: folder},
			{Email: "analyst@tests.com", Token: "analyst", Role: Analyst, Domains: folder},
			{Email: "inactive@tests.com", Token: "inactive", Role: Admin, Inactive: true},
		},
	})}
	l.ids[labRoot[v]] = l.Root()
	l.add("folders", map[string]any{"id": labFolder[v], "name": "dispatcher-lab", "parent_folder": l.Root()})
	other := l.add("folders", map[string]any{"id": labOther[v], "name": "other-lab", "parent_folder": l.Root()})
	l.AddEvidence(map[string]any{"id": sample[v], "name": "Sample evidence", "folder": labFolder[v]})
	l.AddEvidence(map[string]any{"id": secret[v], "name": "Other secret evidence", "folder": other})
	l.AddEvidence(map[string]any{"id": second[v], "name": "Second evidence", "folder": labFolder[v]})
	control := func(id, ref, name, folder string, fields map[string]any) {
		row := map[string]any{"id": id, "ref_id": ref, "name": name, "folder": folder}
		for k, value := range fields {
			row[k] = value
		}
		l.AddControl(row)
	}
	control(foo[v], "foo", "Control foo", labFolder[v], map[string]any{"description": "seeded", "evidences": []any{second[v], secret[v]}})
	control(foo2[v], "foo2", "Control foo2", labFolder[v], map[string]any{"status": "to_do", "priority": 2, "evidences": []any{second[v]}})
	control(dupOne[v], "dup", "Control dup one", labFolder[v], nil)
	control(dupTwo[v], "dup", "Control dup two", labFolder[v], map[string]any{"status": "active", "progress_field": 100})
	control(fooB[v], "foo-b", "Control foo-b", other, nil)
	l.SetFields("evidences", second[v], map[string]any{"applied_controls": []any{foo2[v], foo[v]}})
	l.SetFields("evidences", secret[v], map[string]any{"applied_controls": []any{foo[v]}})
	l.addAudit(v)
	return l
}

// addAudit adds the audit of 140 requirements, of which the recordings show a
// few; the others fill up.
func (l *lab) addAudit(v int) {
	groups := []any{
		map[string]any{"ref_id": "Clauses", "name": "Clauses", "description": nil},
		map[string]any{"ref_id": "SoA", "name": "Statement of Applicability", "description": nil},
	}
	l.add("perimeters", map[string]any{"id": perimeter[v], "name": "Lab perimeter", "str": "dispatcher-lab/Lab perimeter", "folder": labFolder[v]})
	l.add("frameworks", map[string]any{"id": framework[v], "str": "ISO/IEC - International standard ISO/IEC 27001:2022", "implementation_groups_definition": groups})
	l.add("compliance-assessments", map[string]any{
		"id": audit[v], "ref_id": "ISO_001", "name": "ISO 27001 audit", "framework": framework[v], "folder": labFolder[v], "perimeter": perimeter[v],
	})
	for _, r := range requirements() {
		fields := map[string]any{
			"id": r.IDs[2*v], "framework": framework[v], "ref_id": r.RefID, "urn": r.URN, "name": r.Name, "description": r.Description, "parent_urn": r.ParentURN,
			"order_id": r.OrderID, "assessable": r.Assessable, "provider": "ISO/IEC", "implementation_groups": []any{r.Group},
		}
		if r.Control.URN != "" {
			fields["reference_controls"] = []any{l.add("reference-controls", map[string]any{"urn": r.Control.URN, "str": r.Control.Str, "long": r.Control.Long})}
		}
		node := l.add("requirement-nodes", fields)
		l.add("requirement-assessments", map[string]any{"id": r.IDs[2*v+1], "requirement": node, "compliance_assessment": audit[v], "folder": labFolder[v]})
	}
}

type requirement struct {
	RefID       string `json:"ref_id"`
	URN         string
	Name, Group string
	Description any
	ParentURN   any `json:"parent_urn"`
	OrderID     int `json:"order_id"`
	Assessable  bool
	Control     struct{ URN, Str, Long string }
	IDs         [4]string // of the node and of its assessment, new and old
}

func requirements() (all []requirement) {
	content, err := os.ReadFile(filepath.Join("testdata", "requirements.json"))
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(content, &all); err != nil {
		panic(err)
	}
	for n := len(all); n < 140; n++ {
		ref := fmt.Sprintf("B.%d", n)
		if n < 16 {
			ref = fmt.Sprintf("A.5.1%d", n-6) // what a search for A.5.1 finds besides A.5.10
		}
		all = append(all, requirement{
			RefID: ref, URN: "urn:intuitem:risk:req_node:iso27001-2022:" + strings.ToLower(ref), Name: "filler " + ref, OrderID: 100 + n, Assessable: n < 126,
		})
	}
	return all
}

var anyUUID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// here translates the real server's ids in a text.
func (l *lab) here(text string) string {
	return anyUUID.ReplaceAllStringFunc(text, func(id string) string {
		if ours, ok := l.ids[id]; ok {
			return ours
		}
		return id
	})
}

// bind takes two ids for the same object from now on. It refuses what is known
// already to be another.
func (l *lab) bind(real, ours string) bool {
	if _, known := l.ids[real]; known || !uuid.MatchString(real) {
		return false
	}
	for kind := range shapes {
		if l.Object(kind, real) != nil {
			return false
		}
	}
	l.ids[real] = ours
	return true
}

// change does what was done between recordings: fields of an object, a new
// evidence, or so many logins of others.
func (l *lab) change(t *testing.T, line string) {
	t.Helper()
	var n int
	if _, err := fmt.Sscanf(line, "logins %d", &n); err == nil {
		for range n {
			(&call{Server: l.Server}).login("nobody@tests.com", "wrong")
		}
		return
	}
	words := strings.SplitN(line, " ", 3)
	fields := map[string]any{}
	if err := json.Unmarshal([]byte(words[2]), &fields); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if l.Object(words[0], words[1]) != nil {
		l.SetFields(words[0], words[1], fields)
		return
	}
	v := 0
	if l.cfg.Old {
		v = 1
	}
	fields["id"], fields["folder"] = words[1], labFolder[v]
	l.AddEvidence(fields)
}
