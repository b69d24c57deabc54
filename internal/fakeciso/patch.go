package fakeciso

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

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
	f, ok := c.readForm() // an attachment is ignored here
	if !ok {
		return
	}
	body := f.values
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
	keepLinks(o, row, body)
	c.linkBack(o, o.fields, row)
	c.save(o, row, c.entry.Job)
	answer := c.writeRow(o)
	c.mu.Unlock()
	c.journal.wrote(c.entry, resource+"/"+o.id)
	c.json(http.StatusOK, answer)
}

// clean applies a body to a row. Unknown and read-only fields are ignored; what
// it returns is wrong with the others, an empty map if nothing is.
func (c *call) clean(kind string, row, body map[string]any) (problems map[string]any) {
	problems = map[string]any{}
	for name, value := range body {
		field, ok := serializers[kind][name]
		if !ok {
			continue
		}
		switch clean, problem := field(c, value); {
		case problem != "":
			problems[name] = []any{problem}
		case clean != unchanged:
			row[name] = clean
		}
	}
	return problems
}

// validate checks the body against the serialiser of the resource and applies
// it to row.
func (c *call) validate(o *object, row, body map[string]any) map[string]any {
	if o.kind == "requirement-assessments" {
		if problem := c.auditProblem(o); problem != nil {
			return problem
		}
	}
	if problems := c.clean(o.kind, row, body); len(problems) > 0 {
		return problems
	}
	if problem := c.scopeProblem(o, row, body); problem != nil {
		return problem
	}
	switch o.kind {
	case "applied-controls":
		if row["status"] == "active" {
			row["progress_field"] = 100
		}
	case "requirement-assessments":
		return c.assess(o, row, body)
	}
	return nil
}

// alignments are the results that the respondent's word stands for.
var alignments = map[any]string{"yes": "compliant", "no": "non_compliant", "in_progress": "partially_compliant", "not_applicable": "not_applicable"}

// assess applies the rules between the fields of a requirement assessment.
func (c *call) assess(o *object, row, body map[string]any) map[string]any {
	if result, ok := alignments[body["respondent_alignment"]]; ok {
		row["result"] = result
	}
	nonconformity := row["extended_result"] == "major_nonconformity" || row["extended_result"] == "minor_nonconformity"
	if nonconformity && row["result"] != "non_compliant" && row["result"] != "partially_compliant" {
		return map[string]any{"extended_result": []any{"Major and minor nonconformities are only applicable when result is non-compliant or partially compliant."}}
	}
	ca := c.objects["compliance-assessments"][fmt.Sprint(o.fields["compliance_assessment"])]
	if score, ok := row["score"].(int); ok && ca != nil {
		low, high := number(ca.fields["min_score"]), number(ca.fields["max_score"])
		if score < low || score > high {
			return map[string]any{"score": []any{fmt.Sprintf("Score must be between %d and %d.", low, high)}}
		}
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
