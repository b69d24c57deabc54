package workers

import (
	"context"
	"maps"
	"slices"

	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// PlanAPI is what a plan needs of CISO Assistant: of [API] it only reads.
type PlanAPI interface {
	API
	Foresee(ctx context.Context, resource ciso.Resource, id string, values map[string]any) (map[string]ciso.Change, error)
	Account(ctx context.Context) (ciso.Account, error)
}

// notes is an API that reads for real, and takes notes of writes.
type notes struct {
	PlanAPI
	account *accountCache
	planned []Planned

	names, folders map[string]string // of objects, by id
	files          map[string]string // newest file of an evidence
}

// Resolve implements [Objects].
func (n *notes) Resolve(ctx context.Context, resource ciso.Resource, s ciso.Selector) ([]ciso.Match, error) {
	matches, err := n.PlanAPI.Resolve(ctx, resource, s)
	for _, m := range matches {
		n.names[m.ID], n.folders[m.ID] = m.Name, m.FolderID
	}
	return matches, err
}

// FindEvidence implements [Evidences].
func (n *notes) FindEvidence(ctx context.Context, name, folderID string) ([]ciso.Evidence, error) {
	found, err := n.PlanAPI.FindEvidence(ctx, name, folderID)
	for _, e := range found {
		n.names[e.ID], n.folders[e.ID] = e.Name, e.FolderID
	}
	return found, err
}

// Revisions implements [Evidences].
func (n *notes) Revisions(ctx context.Context, evidenceID string, limit int) ([]ciso.Revision, error) {
	revisions, err := n.PlanAPI.Revisions(ctx, evidenceID, limit)
	if len(revisions) > 0 {
		n.files[evidenceID] = revisions[0].Attachment
	}
	return revisions, err
}

// may fails as the API would if the user has no such right there.
func (n *notes) may(ctx context.Context, verb string, resource ciso.Resource, folderID string) error {
	account, err := n.account.get(ctx, n.PlanAPI)
	if err != nil {
		return err
	}
	right := ciso.Right(verb, resource)
	if account.May(right, folderID) {
		return nil
	}
	return jobs.Fail(jobs.CodeForbidden, "the user %s has no right %s there; give it, or use another token", account.Email, right)
}

// Update notes what would change.
func (n *notes) Update(ctx context.Context, resource ciso.Resource, id string, values map[string]any) error {
	changes, err := n.Foresee(ctx, resource, id, values)
	maps.Copy(n.object(id).Changes, changes)
	if err != nil {
		return err
	}
	return n.may(ctx, "change", resource, n.folders[id])
}

// CreateEvidence notes a new evidence with its file and links.
func (n *notes) CreateEvidence(ctx context.Context, e ciso.NewEvidence) (string, error) {
	created := n.object("")
	created.Name = e.Name
	for field, value := range map[string]string{"name": e.Name, "folder": e.FolderID, "description": e.Description, "attachment": e.File.Name} {
		if value != "" {
			created.Changes[field] = ciso.Change{After: value}
		}
	}
	for field, ids := range map[string][]string{"applied_controls": e.AppliedControls, "requirement_assessments": e.RequirementAssessments} {
		if len(ids) > 0 {
			created.Changes[field] = ciso.Change{Before: []string{}, After: ids}
		}
	}
	return "", n.may(ctx, "add", ciso.Evidences, e.FolderID)
}

// AddRevision notes that the evidence would have a new file.
func (n *notes) AddRevision(ctx context.Context, e ciso.Evidence, _ string, file ciso.File) (string, error) {
	change := ciso.Change{After: file.Name}
	if newest := n.files[e.ID]; newest != "" {
		change.Before = newest
	}
	n.object(e.ID).Changes["attachment"] = change
	return "", n.may(ctx, "add", "evidence-revisions", e.FolderID)
}

// Link notes the links that the evidence would get.
func (n *notes) Link(ctx context.Context, resource ciso.Resource, ids []string, evidenceID string) error {
	field, linked := "applied_controls", []string{}
	controls, assessments, err := n.Linked(ctx, evidenceID)
	if err != nil {
		return err
	}
	if linked = append(linked, controls...); resource == ciso.RequirementAssessments {
		field, linked = "requirement_assessments", append([]string{}, assessments...)
	}
	if fresh := without(slices.Clone(ids), linked); len(fresh) > 0 {
		n.object(evidenceID).Changes[field] = ciso.Change{Before: linked, After: slices.Concat(linked, fresh)}
	}
	for _, id := range ids {
		if err := n.may(ctx, "change", resource, n.folders[id]); err != nil {
			return err
		}
	}
	return nil
}
