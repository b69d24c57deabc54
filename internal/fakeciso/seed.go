package fakeciso

import (
	"maps"
	"strings"
)

// AddFolder creates a domain below parent ("" for the root).
func (s *Server) AddFolder(name, parent string) string {
	if parent == "" {
		parent = s.root
	}
	return s.add("folders", map[string]any{"name": name, "parent_folder": parent})
}

// AddControl creates an applied control.
func (s *Server) AddControl(fields map[string]any) string { return s.add("applied-controls", fields) }

// AddEvidence creates an evidence with an empty first revision.
func (s *Server) AddEvidence(fields map[string]any) string {
	id := s.add("evidences", fields)
	s.add("evidence-revisions", map[string]any{"evidence": id, "version": 1, "folder": s.Object("evidences", id)["folder"]})
	return id
}

// AddFramework creates a framework with requirements of the given ref_ids.
func (s *Server) AddFramework(name string, refs ...string) string {
	id := s.add("frameworks", map[string]any{"name": name})
	for i, ref := range refs {
		s.add("requirement-nodes", map[string]any{
			"framework": id, "ref_id": ref, "urn": "urn:test:req_node:" + strings.ToLower(name) + ":" + strings.ToLower(ref),
			"name": "Requirement " + ref, "assessable": true, "order_id": i,
		})
	}
	return id
}

// AddAudit creates a compliance assessment and its requirement assessments, and
// returns its id and theirs by requirement ref_id.
func (s *Server) AddAudit(refID, framework, folder string) (id string, requirements map[string]string) {
	if folder == "" {
		folder = s.root
	}
	id = s.add("compliance-assessments", map[string]any{"ref_id": refID, "name": "Audit " + refID, "framework": framework, "folder": folder})
	requirements = make(map[string]string)
	for _, node := range s.Objects("requirement-nodes") {
		if node["framework"] == framework {
			requirements[node["ref_id"].(string)] = s.add("requirement-assessments", map[string]any{
				"compliance_assessment": id, "requirement": node["id"], "folder": folder,
			})
		}
	}
	return id, requirements
}

// SetFields changes an object behind everybody's back.
func (s *Server) SetFields(kind, id string, fields map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[kind][id]
	next := maps.Clone(o.fields)
	maps.Copy(next, fields)
	s.save(o, next, "")
}
