package fakeciso

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxBody is DATA_UPLOAD_MAX_MEMORY_SIZE.
const maxBody = 2_621_440

// readJSON reads a JSON object as DRF does: a chunked body is empty. ok is false
// when it has answered.
func (c *call) readJSON() (body map[string]any, ok bool) {
	if c.r.ContentLength > maxBody {
		htmlPage(c.w, http.StatusBadRequest, "Bad Request (400)")
		return nil, false
	}
	if c.r.ContentLength <= 0 {
		_, _ = io.Copy(io.Discard, c.r.Body)
		return map[string]any{}, true
	}
	if kind := c.r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		c.detail(http.StatusUnsupportedMediaType, fmt.Sprintf("Unsupported media type %q in request.", kind))
		return nil, false
	}
	raw, err := io.ReadAll(c.r.Body)
	if err != nil {
		return nil, false
	}
	var parsed any
	if err := json.Unmarshal(raw, &parsed); err != nil {
		c.detail(http.StatusBadRequest, "JSON parse error - "+err.Error())
		return nil, false
	}
	body, ok = parsed.(map[string]any)
	if !ok {
		htmlPage(c.w, http.StatusInternalServerError, "Server Error (500)")
	}
	return body, ok
}

// patch changes an object: it reads the row, validates, and saves the whole row.
// Between the two somebody else may have saved, and loses.
func (c *call) patch(resource, id string) {
	o := c.visible(resource, id)
	if o == nil {
		c.noSuchObject(resource)
		return
	}
	if !c.mayWrite(c.snapshot(o)["folder"]) {
		c.detail(http.StatusForbidden, "You do not have permission to perform this action.")
		return
	}
	body, ok := c.readJSON()
	if !ok {
		return
	}
	row := c.snapshot(o)
	if c.cfg.RaceWindow > 0 {
		time.Sleep(c.cfg.RaceWindow)
	}
	c.mu.Lock()
	if denied := c.mayLink(row, body); denied != nil {
		c.mu.Unlock()
		c.json(http.StatusForbidden, denied)
		return
	}
	problems := c.validate(o, row, body)
	if problems != nil {
		c.mu.Unlock()
		c.json(http.StatusBadRequest, problems)
		return
	}
	c.linkBack(o, row)
	c.save(o, row, c.entry.Job)
	answer := c.writeAnswer(o)
	c.mu.Unlock()
	c.journal.wrote(c.entry, resource+"/"+o.id)
	c.json(http.StatusOK, answer)
}

// mayLink refuses links to what the user may not see, and moves to folders that
// it may not write.
func (c *call) mayLink(row, body map[string]any) map[string]any {
	if folder, moved := body["folder"]; moved && folder != row["folder"] && c.objects["folders"][fmt.Sprint(folder)] != nil && !c.mayWrite(folder) {
		return map[string]any{"folder": "You do not have permission to add objects in this folder"}
	}
	linked, _ := row["evidences"].([]any)
	wanted, _ := body["evidences"].([]any)
	for _, id := range wanted {
		e := c.objects["evidences"][fmt.Sprint(id)]
		if e != nil && !c.sees(e.fields["folder"]) && !slices.Contains(linked, id) {
			return map[string]any{"evidences": "You do not have permission to link to this evidence"}
		}
	}
	return nil
}

// writeAnswer is the write representation without the ids that the user may
// not see.
func (c *call) writeAnswer(o *object) map[string]any {
	answer := writeRow(o)
	for field, kind := range manyToMany {
		list, ok := answer[field].([]any)
		if !ok || c.user.Role == Admin {
			continue
		}
		answer[field] = slices.DeleteFunc(slices.Clone(list), func(id any) bool {
			other := c.objects[kind][fmt.Sprint(id)]
			return other != nil && !c.sees(other.fields["folder"])
		})
	}
	return answer
}

// manyToMany are the lists of ids and what they point to.
var manyToMany = map[string]string{
	"evidences": "evidences", "applied_controls": "applied-controls", "requirement_assessments": "requirement-assessments",
}

// validate checks the body against the serialiser of the resource and applies
// it to row. Unknown and read-only fields are ignored.
func (c *call) validate(o *object, row, body map[string]any) map[string]any {
	problems := map[string]any{}
	if o.kind == "requirement-assessments" {
		if problem := c.auditProblem(o); problem != nil {
			return problem
		}
	}
	for name, value := range body {
		field, ok := writable(o.kind)[name]
		if !ok {
			continue
		}
		clean, problem := field(c, value)
		if problem != "" {
			problems[name] = []any{problem}
			continue
		}
		if clean == unchanged {
			continue
		}
		row[name] = clean
	}
	if len(problems) > 0 {
		return problems
	}
	if problem := c.scopeProblem(o, row, body); problem != nil {
		return problem
	}
	if o.kind == "applied-controls" && row["status"] == "active" {
		row["progress_field"] = 100
	}
	return nil
}

// auditProblem refuses changes in a locked audit, or one in review.
func (c *call) auditProblem(o *object) map[string]any {
	ca := c.objects["compliance-assessments"][fmt.Sprint(o.fields["compliance_assessment"])]
	switch {
	case ca == nil:
		return nil
	case ca.fields["is_locked"] == true:
		return map[string]any{"non_field_errors": []any{"⚠️ Cannot modify the requirement when the audit is locked."}}
	case ca.fields["status"] == "in_review":
		return map[string]any{"non_field_errors": []any{"⚠️ Cannot modify the requirement when the audit is in review."}}
	}
	return nil
}

// scopeProblem refuses a name that is taken in the folder: for evidences
// without case, for controls together with the ref_id.
func (c *call) scopeProblem(o *object, row, body map[string]any) map[string]any {
	if _, renamed := body["name"]; !renamed {
		return nil
	}
	for _, other := range c.order[o.kind] {
		if other == o || other.fields["folder"] != row["folder"] || !strings.EqualFold(fmt.Sprint(other.fields["name"]), fmt.Sprint(row["name"])) {
			continue
		}
		if o.kind == "evidences" || other.fields["ref_id"] == row["ref_id"] {
			problem := map[string]any{"name": fmt.Sprint(row["name"], " is already used in this scope. Please choose another value.")}
			if o.kind != "evidences" {
				problem["ref_id"] = fmt.Sprint(row["ref_id"], " is already used in this scope. Please choose another value.")
			}
			return problem
		}
	}
	return nil
}

// linkBack keeps both ends of the link between evidences and controls.
func (c *call) linkBack(o *object, row map[string]any) {
	back := map[string]string{"applied-controls": "applied_controls", "requirement-assessments": "requirement_assessments"}[o.kind]
	if back == "" {
		return
	}
	was, _ := o.fields["evidences"].([]any)
	is, _ := row["evidences"].([]any)
	for _, id := range was {
		if e := c.objects["evidences"][fmt.Sprint(id)]; e != nil && !slices.Contains(is, id) {
			list, _ := e.fields[back].([]any)
			e.fields[back] = slices.DeleteFunc(slices.Clone(list), func(v any) bool { return v == o.id })
		}
	}
	for _, id := range is {
		if e := c.objects["evidences"][fmt.Sprint(id)]; e != nil {
			list, _ := e.fields[back].([]any)
			if !slices.Contains(list, any(o.id)) {
				e.fields[back] = append(slices.Clone(list), o.id)
			}
		}
	}
}
