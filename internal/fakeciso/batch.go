package fakeciso

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// batch is a batch-action: one field of up to 100 objects.
type batch struct {
	action, field string
	ids           []any
	value         any
}

// m2mActions are those that change a list of links; all but change_m2m came
// with v3.15.6.
var m2mActions = []string{"change_m2m", "add_m2m", "remove_m2m"}

// batchAction answers 200 whatever became of the objects.
func (c *call) batchAction(resource string) {
	if c.r.Method != http.MethodPost {
		c.notAllowed()
		return
	}
	body, ok := c.readJSON()
	if !ok {
		return
	}
	b := batch{ids: asList(body["ids"]), value: body["value"]}
	b.action, _ = body["action"].(string)
	b.field, _ = body["field"].(string)
	if refusal := c.refuseBatch(resource, b); refusal != nil {
		c.json(http.StatusBadRequest, refusal)
		return
	}
	succeeded, failed := []any{}, []any{}
	for _, id := range b.ids {
		item := map[string]any{"id": id}
		o := c.visible(resource, fmt.Sprint(id))
		if o == nil {
			item["error"] = "Object not found or access denied"
			failed = append(failed, item)
			continue
		}
		item["name"] = c.nameOf(o)
		if problem := c.batchOne(o, b); problem != nil {
			item["error"] = problem
			failed = append(failed, item)
			continue
		}
		succeeded = append(succeeded, item)
	}
	c.json(http.StatusOK, map[string]any{"succeeded": succeeded, "failed": failed})
}

// refuseBatch is the 400 for a call that is wrong as a whole.
func (c *call) refuseBatch(resource string, b batch) map[string]any {
	links := slices.Contains(m2mActions, b.action)
	_, editable := serializers[resource][b.field]
	switch {
	case len(b.ids) > 100:
		return map[string]any{"error": "too many ids", "max": 100}
	case b.action != "change_field" && !links, c.cfg.Old && links && b.action != "change_m2m":
		return map[string]any{"error": "Invalid action type"}
	case len(b.ids) == 0:
		return map[string]any{"error": "No ids provided"}
	case editable && links && manyToMany[b.field] == "":
		return map[string]any{"error": "not a many-to-many field: " + b.field}
	case !editable && !c.cfg.Old:
		return map[string]any{"error": "field not editable: " + b.field}
	}
	for _, id := range b.ids {
		if !uuid.MatchString(fmt.Sprint(id)) {
			return map[string]any{"non_field_errors": []any{"“" + fmt.Sprint(id) + "” is not a valid UUID."}}
		}
	}
	return nil
}

// nameOf is how an object is called in the answer.
func (c *call) nameOf(o *object) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if node := c.objects["requirement-nodes"][fmt.Sprint(o.fields["requirement"])]; node != nil {
		return nodeName(node)
	}
	return o.fields["name"]
}

// batchOne changes one object, reading and saving its whole row.
func (c *call) batchOne(o *object, b batch) (problem any) {
	row := c.snapshot(o)
	if !c.mayWrite(row["folder"]) {
		return "Permission denied"
	}
	if c.cfg.RaceWindow > 0 {
		time.Sleep(c.cfg.RaceWindow)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	body := map[string]any{b.field: b.newValue(asList(row[b.field]))}
	if denied := c.mayLink(row, body); denied != nil {
		return denied
	}
	if problems := c.validate(o, row, body); problems != nil {
		return problems
	}
	keepLinks(o, row, body)
	c.linkBack(o, o.fields, row)
	c.save(o, row, c.entry.Job)
	c.journal.wrote(c.entry, o.kind+"/"+o.id)
	return nil
}

// newValue is what the field is set to.
func (b batch) newValue(was []any) any {
	if !slices.Contains(m2mActions, b.action) {
		return b.value
	}
	given, isList := b.value.([]any)
	if !isList {
		given = []any{b.value}
	}
	switch b.action {
	case "add_m2m":
		return append(slices.Clone(was), given...) // doubles are dropped when it is cleaned
	case "remove_m2m":
		return slices.DeleteFunc(slices.Clone(was), func(id any) bool { return slices.Contains(given, id) })
	}
	return given
}
