package fakeciso

import (
	"fmt"
	"net/http"
	"slices"
)

// rights are what a role may do with the resources that are stood in for.
func (u *User) rights() []any {
	models := []string{"appliedcontrol", "complianceassessment", "evidence", "evidencerevision", "folder", "framework", "requirementassessment", "requirementnode"}
	verbs := []string{"view"}
	if u.Role != Reader {
		verbs = append(verbs, "add", "change", "delete")
	}
	var out []any
	for _, verb := range verbs {
		for _, model := range models {
			out = append(out, verb+"_"+model)
		}
	}
	return out
}

// groups are the user group and the role behind a Role.
var groups = map[string][2]string{Admin: {"BI-UG-ADM", "BI-RL-ADM"}, Analyst: {"BI-UG-ANA", "BI-RL-ANA"}, Reader: {"BI-UG-AUD", "BI-RL-AUD"}}

// currentUser answers who asks, and what it may do where.
func (c *call) currentUser() {
	if c.r.Method != http.MethodGet {
		c.notAllowed()
		return
	}
	c.mu.Lock()
	domains := slices.Clone(c.user.Domains)
	if c.user.Role == Admin {
		domains = nil
		for _, f := range c.order["folders"] {
			if f.id != c.root {
				domains = append(domains, f.id)
			}
		}
	}
	accessible, permissions := []any{}, map[string]any{}
	for _, id := range domains {
		accessible = append(accessible, id)
		permissions[id] = c.user.rights()
	}
	if c.user.Role == Admin {
		permissions[c.root] = c.user.rights()
	}
	c.mu.Unlock()
	group, id := groups[c.user.Role], c.userID(c.user)
	c.json(http.StatusOK, map[string]any{
		"id": id, "actor_id": id, "all_actor_ids": []any{id}, "email": c.user.Email, "first_name": "", "last_name": "", "is_active": true,
		"date_joined": stamp(), "user_groups": []any{[]any{group[0], true}}, "roles": []any{group[1]}, "is_third_party": false, "is_auditee": false,
		"is_admin": c.user.Role == Admin, "is_local": true, "is_sso": false, "accessible_domains": accessible, "domain_permissions": permissions,
		"root_folder_id": c.root, "preferences": map[string]any{"lang": "en"}, "has_mfa_enabled": c.user.MFA, "is_superuser": c.user.Role == Admin,
	})
}

// userID is an id that a user has for ever.
func (s *Server) userID(u *User) string {
	i := slices.IndexFunc(s.cfg.Users, func(other User) bool { return other.Email == u.Email })
	return fmt.Sprintf("00000000-0000-4000-9000-%012d", i)
}
