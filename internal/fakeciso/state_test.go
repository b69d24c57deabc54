package fakeciso

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
)

// afterwards is the newest revision of an evidence after an upload.
type afterwards struct {
	Revisions, Version int
	Attachment, Size   any
	Hash               any   `json:"attachment_hash"`
	HashIsOfSent       bool  `json:"hash_is_of_sent_bytes"`
	DownloadStatus     int   `json:"download_status"`
	DownloadIsSent     *bool `json:"download_sha_is_sent"`
}

// differs asks the stand-in for the same.
func (a *afterwards) differs(l *lab, path string, sent []byte) string {
	if a == nil {
		return ""
	}
	id := strings.Split(path, "/")[3]
	_, body := l.get("/api/evidence-revisions/?evidence=" + id)
	var page struct {
		Count   int
		Results []struct {
			Version          int
			Attachment, Size any
			Hash             any `json:"attachment_hash"`
		}
	}
	if err := json.Unmarshal(body, &page); err != nil || page.Count == 0 {
		return fmt.Sprintf("no revisions in %s", body)
	}
	r := page.Results[0]
	status, file := l.get("/api/evidences/" + id + "/attachment/")
	got := afterwards{
		Revisions: page.Count, Version: r.Version, Attachment: r.Attachment, Size: r.Size, Hash: r.Hash,
		HashIsOfSent: r.Hash == sum(sent), DownloadStatus: status,
	}
	if status == http.StatusOK {
		same := sum(file) == sum(sent)
		got.DownloadIsSent = &same
	}
	if diff := l.compare("after.attachment", got.Attachment, a.Attachment); diff != "" {
		return diff
	}
	got.Attachment = a.Attachment
	if !reflect.DeepEqual(&got, a) {
		return fmt.Sprintf("after is %+v, want %+v", got, *a)
	}
	return ""
}

// get asks as the administrator.
func (l *lab) get(path string) (int, []byte) {
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Host = l.host
	req.Header.Set("Authorization", "Token admin")
	w := httptest.NewRecorder()
	l.ServeHTTP(w, req)
	return w.Code, w.Body.Bytes()
}

// lookAgain compares an object that was written with the answer to the write.
// Every PATCH touches its object, also one that changes nothing.
func (l *lab) lookAgain(r *recording, before map[string][]map[string]any) string {
	want, ok := r.Response.Body.(map[string]any)
	id, _ := want["id"].(string)
	if !ok || id == "" || r.Request.Method == http.MethodGet || r.Response.Status >= 300 {
		return ""
	}
	resource := strings.Split(r.Request.Path, "/")[2]
	for i, row := range before[resource] {
		if r.Request.Method == http.MethodPatch && row["id"] == l.here(id) && l.Objects(resource)[i]["updated_at"] == row["updated_at"] {
			return "updated_at is as it was"
		}
	}
	status, body := l.get("/api/" + resource + "/" + l.here(id) + "/object/")
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil || status != http.StatusOK {
		return fmt.Sprintf("status %d: %.200s", status, body)
	}
	return l.compare("", got, want)
}

// lookAtBatch compares what a batch-action did with what it said: the objects
// that succeeded have the value, and no other object has changed.
func (l *lab) lookAtBatch(r *recording, before map[string][]map[string]any) string {
	answer, ok := r.Response.Body.(map[string]any)
	done, isBatch := answer["succeeded"].([]any)
	if !ok || !isBatch {
		return ""
	}
	var body struct {
		Action, Field string
		Value         any
	}
	if err := json.Unmarshal(r.Request.Body, &body); err != nil {
		return err.Error()
	}
	resource := strings.Split(r.Request.Path, "/")[2]
	changed := make(map[string]bool)
	for _, item := range done {
		id := fmt.Sprint(item.(map[string]any)["id"])
		changed[id] = true
		if got := l.Object(resource, id)[body.Field]; !holds(got, body.Action, body.Value) && !l.cfg.Old {
			return fmt.Sprintf("%s %s of %s is %v after %v", resource, body.Field, id, got, body.Value)
		}
	}
	for i, row := range l.Objects(resource) {
		if !changed[fmt.Sprint(row["id"])] && !reflect.DeepEqual(row, before[resource][i]) {
			return fmt.Sprintf("%s %v has changed", resource, row["id"])
		}
	}
	return ""
}

func holds(got any, action string, value any) bool {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	links, _ := got.([]any)
	for _, v := range list {
		switch action {
		case "change_field":
			return got == value
		case "remove_m2m":
			if slices.Contains(links, v) {
				return false
			}
		default:
			if !slices.Contains(links, v) {
				return false
			}
		}
	}
	return true
}

// state is all that the server holds.
func (l *lab) state() map[string][]map[string]any {
	all := make(map[string][]map[string]any)
	for _, kind := range []string{"applied-controls", "requirement-assessments", "evidences", "evidence-revisions", "compliance-assessments"} {
		all[kind] = l.Objects(kind)
	}
	return all
}

func compareStates(now, before map[string][]map[string]any) string {
	for _, kind := range slices.Sorted(maps.Keys(now)) {
		if len(now[kind]) != len(before[kind]) {
			return fmt.Sprintf("%d %s, were %d", len(now[kind]), kind, len(before[kind]))
		}
		for i, row := range now[kind] {
			if !reflect.DeepEqual(row, before[kind][i]) {
				return fmt.Sprintf("%s %v is %v, was %v", kind, row["id"], row, before[kind][i])
			}
		}
	}
	return ""
}

// compareFilters compares the query parameters of lists in two OpenAPI documents.
func compareFilters(schema []byte, want map[string][]string) string {
	var doc struct {
		Paths map[string]struct {
			Get struct{ Parameters []struct{ Name string } }
		}
	}
	if err := json.Unmarshal(schema, &doc); err != nil {
		return err.Error()
	}
	for path, names := range want {
		var got []string
		for _, p := range doc.Paths[path].Get.Parameters {
			got = append(got, p.Name)
		}
		slices.Sort(got)
		if !slices.Equal(got, names) {
			return fmt.Sprintf("%s filters by %v, want %v", path, got, names)
		}
	}
	return ""
}
