package fakeciso

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// batchAction changes up to 100 objects; it answers 200 whatever became of them.
func (c *call) batchAction(resource string) {
	if c.r.Method != http.MethodPost {
		c.detail(http.StatusMethodNotAllowed, `Method "`+c.r.Method+`" not allowed.`)
		return
	}
	body, ok := c.readJSON()
	if !ok {
		return
	}
	action, _ := body["action"].(string)
	ids, _ := body["ids"].([]any)
	field, _ := body["field"].(string)
	write, editable := writable(resource)[field]
	switch {
	case len(ids) > 100:
		c.json(http.StatusBadRequest, map[string]any{"error": "too many ids", "max": 100})
		return
	case action != "change_field" && (action != "add_m2m" || c.cfg.Old):
		c.json(http.StatusBadRequest, map[string]any{"error": "Invalid action type"})
		return
	case len(ids) == 0:
		c.json(http.StatusBadRequest, map[string]any{"error": "No ids provided"})
		return
	case editable && action == "add_m2m" && manyToMany[field] == "":
		c.json(http.StatusBadRequest, map[string]any{"error": "not a many-to-many field: " + field})
		return
	case !editable && !c.cfg.Old:
		c.json(http.StatusBadRequest, map[string]any{"error": "field not editable: " + field})
		return
	}
	for _, id := range ids {
		if !uuid.MatchString(fmt.Sprint(id)) {
			c.json(http.StatusBadRequest, map[string]any{"non_field_errors": []any{"“" + fmt.Sprint(id) + "” is not a valid UUID."}})
			return
		}
	}
	succeeded, failed := []any{}, []any{}
	for _, id := range ids {
		if problem := c.batchOne(resource, fmt.Sprint(id), action, field, write, body["value"]); problem != nil {
			failed = append(failed, map[string]any{"id": id, "error": problem})
			continue
		}
		succeeded = append(succeeded, map[string]any{"id": id, "name": c.Object(resource, fmt.Sprint(id))["name"]})
	}
	c.json(http.StatusOK, map[string]any{"succeeded": succeeded, "failed": failed})
}

// batchOne changes one object, reading and saving its whole row.
func (c *call) batchOne(resource, id, action, field string, write fieldFunc, value any) any {
	o := c.visible(resource, id)
	if o == nil || !c.mayWrite(c.snapshot(o)["folder"]) {
		return "Object not found or access denied"
	}
	row := c.snapshot(o)
	if c.cfg.RaceWindow > 0 {
		time.Sleep(c.cfg.RaceWindow)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if write == nil {
		return nil
	}
	if action == "add_m2m" {
		list, _ := row[field].([]any)
		more, _ := value.([]any)
		all := slices.Clone(list)
		for _, v := range more {
			if !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
		value = all
	}
	clean, problem := write(c, value)
	if problem != "" {
		return map[string]any{field: []any{problem}}
	}
	row = maps.Clone(row)
	row[field] = clean
	c.linkBack(o, row)
	c.save(o, row, c.entry.Job)
	c.journal.wrote(c.entry, resource+"/"+id)
	return nil
}
