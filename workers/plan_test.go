package workers

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
)

// plan plans a message, and fails the test if anything was written by it.
func (w *world) plan(message string) Plan {
	w.t.Helper()
	before := len(w.api.Journal())
	p := &Planner{API: w.client, Files: w.files, Log: slog.New(slog.DiscardHandler)}
	plan := p.Plan(w.t.Context(), jobs.Envelope{Value: []byte(message)})
	for _, e := range w.api.Journal()[before:] {
		if e.Method != http.MethodGet {
			w.t.Errorf("a plan sent %s %s", e.Method, e.Path)
		}
	}
	if left, err := os.ReadDir(w.spool.Dir); len(left) > 0 || err != nil {
		w.t.Errorf("spool holds %v, %v", left, err)
	}
	if len(w.fakeClaims.locks) > 0 {
		w.t.Error("a plan locked something")
	}
	return plan
}

// told is the changes of a plan's objects, as JSON.
func told(t testing.TB, plan Plan) string {
	t.Helper()
	var all []string
	for _, o := range plan.Objects {
		text, err := json.Marshal(o.Changes)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o.Name+" "+string(text))
	}
	return strings.Join(all, "; ")
}

func TestAPlanTellsFieldsBeforeAndAfterAndOnlyReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	id := w.api.AddControl(map[string]any{"ref_id": "foo", "name": "Foo", "priority": 2, "observation": "as it is"})
	plan := w.plan(`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"priority":"1","observation":"as it is"}}`)
	if plan.Error != nil || plan.Type != jobs.TypeUpdateAppliedControl || len(plan.Objects) != 1 || plan.Objects[0].ID != id {
		t.Fatalf("%+v", plan)
	}
	if got := told(t, plan); got != `Foo {"priority":{"before":2,"after":"1"}}` {
		t.Error(got)
	}
}

func TestAPlanKnowsWhatFollowsFromAnActiveControl(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	w.api.AddControl(map[string]any{"ref_id": "foo", "name": "Foo", "status": "to_do", "progress_field": 10})
	plan := w.plan(`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"status":"active"}}`)
	if got := told(t, plan); got != `Foo {"progress_field":{"before":10,"after":100},"status":{"before":"to_do","after":"active"}}` {
		t.Error(got)
	}
}

// What a plan says is what then happens, whatever that is.
func TestAPlanFailsAsTheRunDoes(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]string{
		"works":            `{"message_type":"update_applied_control","selector":{"ref_id":"one"},"values":{"status":"active"}}`,
		"several":          all("observation", "new"),
		"no match":         `{"message_type":"update_applied_control","selector":{"ref_id":"none"},"values":{"status":"active"}}`,
		"many":             `{"message_type":"update_applied_control","selector":{"category":"policy"},"values":{"status":"active"}}`,
		"selector":         `{"message_type":"update_applied_control","selector":{"refid":"one"},"values":{"status":"active"}}`,
		"unknown field":    `{"message_type":"update_applied_control","selector":{"ref_id":"one"},"values":{"colour":"red","observation":"x"}}`,
		"read-only field":  `{"message_type":"update_applied_control","selector":{"ref_id":"one"},"values":{"created_at":"2026-01-01T00:00:00Z","observation":"x"}}`,
		"destroys links":   `{"message_type":"update_applied_control","selector":{"ref_id":"one"},"values":{"evidences":[""]}}`,
		"too large":        `{"message_type":"update_applied_control","selector":{"ref_id":"one"},"values":{"observation":"` + strings.Repeat("x", 2_700_000) + `"}}`,
		"file":             uploadOf("a.txt", "hello", nil),
		"file with links":  uploadOf("a.txt", "hello", map[string]any{"applied_controls": map[string]any{"category": "policy", "target": "multiple"}}),
		"file, no target":  uploadOf("a.txt", "hello", map[string]any{"applied_controls": map[string]any{"ref_id": "none"}}),
		"extension":        uploadOf("a.exe", "hello", nil),
		"empty":            uploadWith(nil, map[string]any{"file_name": "a.txt", "file_content": ""}),
		"no base64":        uploadWith(nil, map[string]any{"file_name": "a.txt", "file_content": "§"}),
		"not in S3":        uploadWith(nil, map[string]any{"file_s3_bucket": "b", "file_s3_key": "a.txt"}),
		"two sources":      uploadOf("a.txt", "hello", map[string]any{"file_s3_bucket": "b"}),
		"folder":           uploadOf("a.txt", "hello", map[string]any{"folder": "nowhere"}),
		"evidence by name": uploadWith(map[string]any{"name": "none"}, map[string]any{"file_name": "a.txt", "file_content": "aGVsbG8="}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fakeciso.Config{})
			controls(w, 3)
			w.api.AddControl(map[string]any{"ref_id": "one", "name": "One"})
			plan := w.plan(message)
			planned := "succeeded"
			if plan.Error != nil {
				planned = "failed " + string(plan.Error.Code)
			}
			o := w.do(message)
			if describe(o) != planned || plan.Error != nil && plan.Error.Message != o.Failure.Message {
				t.Errorf("planned %s %v, was %s %s", planned, plan.Error, describe(o), why(o))
			}
			var ids []string
			for _, p := range plan.Objects {
				ids = append(ids, p.ID)
			}
			if created := slices.Contains(ids, ""); o.Kind == jobs.OutcomeSucceeded && !created && !slices.Equal(ids, o.Objects) {
				t.Errorf("planned %v, written %v", ids, o.Objects)
			}
			if o.Kind != jobs.OutcomeSucceeded {
				return
			}
			w.fakeClaims.locks = nil
			for _, p := range w.plan(message).Objects { // it has been done
				if p.ID == "" || len(p.Changes) > 0 {
					t.Errorf("after the run it would still change %+v", p)
				}
			}
		})
	}
}

func TestAMessageThatNoWorkflowGetsIsPlannedAsAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	for code, message := range map[jobs.Code]string{
		jobs.CodeInvalidMessage: `[]`, jobs.CodeUnknownType: `{"message_type":"update_everything","selector":{"a":1},"values":{"b":1}}`,
		jobs.CodeInvalidSelector: `{"message_type":"update_applied_control","values":{"b":1}}`,
	} {
		if plan := w.plan(message); plan.Error == nil || plan.Error.Code != code || plan.Objects == nil {
			t.Errorf("%s: %+v", message, plan)
		}
	}
}

func TestAPlanTellsWhetherAFileIsCreatedAddedOrThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	ids := controls(w, 2)
	link := map[string]any{"applied_controls": map[string]any{"id": ids[0]}}
	first := uploadOf("report.txt", "hello", link)
	plan := w.plan(first)
	stored := "report-2cf24dba.txt"
	want := fmt.Sprintf(`report.txt {"applied_controls":{"before":[],"after":[%q]},"attachment":{"before":null,"after":%q},"folder":{"before":null,"after":%q},"name":{"before":null,"after":"report.txt"}}`,
		ids[0], stored, w.api.Root())
	if got := told(t, plan); got != want || plan.Objects[0].ID != "" {
		t.Errorf("create: %s", got)
	}
	id := w.succeed(first).Objects[0]
	w.fakeClaims.locks = nil

	plan = w.plan(first)
	if len(plan.Objects) != 1 || plan.Objects[0].ID != id || len(plan.Objects[0].Changes) != 0 || !strings.Contains(plan.Note, "already") {
		t.Errorf("there: %+v", plan)
	}

	maps.Copy(link, map[string]any{"applied_controls": map[string]any{"category": "policy", "target": "multiple"}})
	plan = w.plan(uploadOf("report.txt", "other", link))
	want = fmt.Sprintf(`report.txt {"applied_controls":{"before":[%q],"after":[%q,%q]},"attachment":{"before":%q,"after":"report-d9298a10.txt"}}`, ids[0], ids[0], ids[1], stored)
	if got := told(t, plan); got != want || plan.Objects[0].ID != id {
		t.Errorf("add: %s\nwant %s", got, want)
	}
}

func TestAPlanForesaysRightsThatLackAndChoicesThatAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	w.api.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.api.AddFault(fakeciso.Fault{Method: http.MethodGet, Path: regexp.MustCompile("/applied-controls/priority/$"), Times: -1, Kind: fakeciso.Status, Code: 200, Body: `{"1":"P1"}`})
	plan := w.plan(`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"priority":"P1"}}`)
	if plan.Error == nil || plan.Error.Code != jobs.CodeRejected || !strings.Contains(plan.Error.Message, "not a valid choice") {
		t.Errorf("%+v", plan.Error)
	}
	w.api.AddFault(fakeciso.Fault{Method: http.MethodGet, Path: regexp.MustCompile("/iam/current-user/$"), Times: -1, Kind: fakeciso.Status, Code: 200,
		Body: `{"email":"reader@tests.com","domain_permissions":{"` + w.api.Root() + `":["view_appliedcontrol"]}}`})
	plan = w.plan(`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"priority":"1"}}`)
	if plan.Error == nil || plan.Error.Code != jobs.CodeForbidden || !strings.Contains(plan.Error.Message, "change_appliedcontrol") {
		t.Errorf("%+v", plan.Error)
	}
}

func TestAPlanWhileTheAPIIsAwaySaysThatWorkWouldStandStill(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	w.api.Down(true)
	plan := w.plan(`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"priority":"1"}}`)
	if plan.Error == nil || plan.Error.Class != ClassHold || plan.Error.Code != jobs.Code(jobs.HoldAPIDown) {
		t.Errorf("%+v", plan.Error)
	}
}

func TestAPlanObeysThePolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeciso.Config{})
	p := &Planner{API: w.client, Files: w.files, Log: slog.New(slog.DiscardHandler), Policy: jobs.Policy{DenyFields: []string{"status"}}}
	plan := p.Plan(t.Context(), jobs.Envelope{Value: []byte(`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"status":"active"}}`)})
	if plan.Error == nil || plan.Error.Code != jobs.CodeDenied {
		t.Errorf("%+v", plan.Error)
	}
	content := base64.StdEncoding.EncodeToString(make([]byte, 17<<20))
	if plan := p.Plan(t.Context(), jobs.Envelope{Value: []byte(uploadWith(nil, map[string]any{"file_name": "a.txt", "file_content": content}))}); plan.Error == nil || plan.Error.Code != jobs.CodeInvalidMessage {
		t.Errorf("%+v", plan.Error)
	}
}
