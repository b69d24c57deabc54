package fakeciso

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// object is a row of the database, in the write representation.
type object struct {
	id      string
	kind    string
	fields  map[string]any
	seq     int
	history []Change
}

// Change is one saved write of an object.
type Change struct {
	At     time.Time
	Job    string
	Fields map[string]any // the whole row
}

// stamp is the API's time format.
func stamp() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000000Z") }

// newID makes the next UUID; they are predictable, so that runs compare.
func (s *Server) newID() string {
	s.ids++
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", s.ids, s.ids)
}

// add creates an object without any check.
func (s *Server) add(kind string, fields map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.insert(kind, fields).id
}

// insert creates an object; the lock is held.
func (s *Server) insert(kind string, fields map[string]any) *object {
	id, _ := fields["id"].(string)
	if id == "" {
		id = s.newID()
	}
	full := defaults(kind)
	maps.Copy(full, fields)
	full["id"], full["created_at"], full["updated_at"] = id, stamp(), stamp()
	if _, has := full["folder"]; !has && kind != "folders" {
		full["folder"] = s.root
	}
	o := &object{id: id, kind: kind, fields: full, seq: len(s.order[kind])}
	if s.objects[kind] == nil {
		s.objects[kind] = make(map[string]*object)
	}
	s.objects[kind][id] = o
	s.order[kind] = append(s.order[kind], o)
	s.reindex(o, nil, full)
	return o
}

// indexed are the fields that objects are looked up by; anycase is the name
// without case.
var indexed = []string{"ref_id", "name", "anycase", "evidence", "compliance_assessment", "urn"}

func (s *Server) reindex(o *object, before, after map[string]any) {
	for _, field := range indexed {
		was, is := indexKey(field, before), indexKey(field, after)
		if was == is {
			continue
		}
		if s.index[o.kind] == nil {
			s.index[o.kind] = make(map[string][]*object)
		}
		if was != "" {
			list := s.index[o.kind][was]
			if i := slices.Index(list, o); i >= 0 {
				s.index[o.kind][was] = slices.Delete(slices.Clone(list), i, i+1)
			}
		}
		if is != "" {
			s.index[o.kind][is] = append(s.index[o.kind][is], o)
		}
	}
}

func indexKey(field string, fields map[string]any) string {
	if field == "anycase" {
		name, _ := fields["name"].(string)
		return "anycase=" + strings.ToLower(name)
	}
	v, ok := fields[field].(string)
	if !ok {
		return ""
	}
	return field + "=" + v
}

// save replaces the whole row, as Django does: whatever another writer saved
// since it was read is lost. The lock is held.
func (s *Server) save(o *object, fields map[string]any, job string) {
	fields["updated_at"] = stamp()
	s.reindex(o, o.fields, fields)
	o.fields = fields
	s.remember(o, job, maps.Clone(fields))
}

// remember adds to an object's history.
func (s *Server) remember(o *object, job string, row map[string]any) {
	o.history = append(o.history, Change{At: time.Now(), Job: job, Fields: row})
	if limit := s.cfg.HistoryLimit; limit > 0 && len(o.history) >= 2*limit {
		o.history = slices.Clone(o.history[len(o.history)-limit:])
	}
}

// Object returns a copy of an object's row, nil if there is none.
func (s *Server) Object(kind, id string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[kind][id]
	if o == nil {
		return nil
	}
	row := maps.Clone(o.fields)
	if kind == "evidences" {
		row["attachment"] = slashed(s.newest(id).name())
	}
	return row
}

// Objects returns copies of all rows of a kind, in creation order.
func (s *Server) Objects(kind string) (list []map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.order[kind] {
		list = append(list, maps.Clone(o.fields))
	}
	return list
}

// History returns every saved write of an object, oldest first.
func (s *Server) History(kind, id string) []Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.objects[kind][id]; o != nil {
		return slices.Clone(o.history)
	}
	return nil
}

// File returns the stored bytes of a revision.
func (s *Server) File(revisionID string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects["evidence-revisions"][revisionID]
	if o == nil {
		return nil
	}
	return s.files[revision{o}.name()]
}
