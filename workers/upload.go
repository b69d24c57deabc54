package workers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dispatcher/jobs"
	"dispatcher/workers/attachment"
	"dispatcher/workers/ciso"
)

// Evidences is what the upload workflow needs of the API.
type Evidences interface {
	Resolve(ctx context.Context, resource ciso.Resource, s ciso.Selector) ([]ciso.Match, error)
	Folder(ctx context.Context, given string) (id string, err error)
	FindEvidence(ctx context.Context, name, folderID string) ([]ciso.Evidence, error)
	CreateEvidence(ctx context.Context, e ciso.NewEvidence) (id string, err error)
	Revisions(ctx context.Context, evidenceID string, limit int) ([]ciso.Revision, error)
	AddRevision(ctx context.Context, e ciso.Evidence, observation string, file ciso.File) (id string, err error)
	Link(ctx context.Context, resource ciso.Resource, ids []string, evidenceID string) error
}

// Files is where attachments come from.
type Files interface {
	FromBase64(text string) (*attachment.File, error)
	FromBucket(ctx context.Context, bucket, key string) (*attachment.File, error)
	FromURL(ctx context.Context, url string) (*attachment.File, error)
}

// Upload returns the workflow of upload_attachment.
func Upload(api Evidences, files Files, defaultFolder string) Workflow {
	return func(ctx context.Context, r *Run) error {
		want, err := readUpload(r.Message)
		if err != nil {
			return err
		}
		if want.leftOut && r.Job.Attempts == 0 && !r.Resumed {
			r.Log.Warn("selector.ref_id is left out: evidence has no ref_id")
		}
		u := &upload{Run: r, api: api, want: want, defaultFolder: defaultFolder}
		// Checks that write nothing come first.
		if u.file, err = want.source.fetch(ctx, files); err != nil {
			return err
		}
		defer u.file.Remove()
		u.name = attachment.StoredName(want.fileName, u.file.SHA256)
		if err := u.findTargets(ctx); err != nil {
			return err
		}
		return u.store(ctx)
	}
}

// upload is one attempt at an upload.
type upload struct {
	*Run
	api           Evidences
	want          *uploadValues
	defaultFolder string
	file          *attachment.File
	name          string // under which the file is stored

	controls, assessments []ciso.Match
}

// findTargets resolves the objects that the evidence is to be linked to.
func (u *upload) findTargets(ctx context.Context) (err error) {
	u.controls, err = u.targets(ctx, "applied_controls", ciso.AppliedControls, u.want.controls)
	if err != nil {
		return err
	}
	u.assessments, err = u.targets(ctx, "requirement_assessments", ciso.RequirementAssessments, u.want.assessments)
	return err
}

func (u *upload) targets(ctx context.Context, field string, resource ciso.Resource, s ciso.Selector) ([]ciso.Match, error) {
	if s == nil {
		return nil, nil
	}
	matches, err := Resolve(ctx, u.Run, "resolve/"+field, func(ctx context.Context) ([]ciso.Match, error) {
		return u.api.Resolve(ctx, resource, s)
	})
	var failure *jobs.Failure
	if errors.As(err, &failure) {
		told := *failure
		told.Message = field + ": " + failure.Message
		return nil, &told
	}
	return matches, err
}

// store brings the file into the evidence that is meant, or a new one.
func (u *upload) store(ctx context.Context) error {
	if u.want.selector != nil {
		matches, err := Resolve(ctx, u.Run, "resolve", func(ctx context.Context) ([]ciso.Match, error) {
			return u.api.Resolve(ctx, ciso.Evidences, u.want.selector)
		})
		if err != nil {
			return err
		}
		return u.addTo(ctx, ciso.Evidence{ID: matches[0].ID, Name: matches[0].Name, FolderID: matches[0].FolderID}, nil)
	}
	folder, err := u.folder(ctx)
	if err != nil {
		return err
	}
	// Names are unique per folder, without case, and the API checks that too
	// late: whoever may create one holds the lock of the name while looking.
	nameLock := "evidences/" + folder + "/" + strings.ToLower(u.want.name)
	if err := u.Lock(ctx, append(u.targetLocks(), nameLock)); err != nil {
		return err
	}
	if _, begun := u.recorded["create"]; !begun {
		found, err := u.find(ctx, folder)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return u.addTo(ctx, found[0], []string{nameLock})
		}
	}
	return u.create(ctx, folder, nameLock)
}

func (u *upload) find(ctx context.Context, folder string) ([]ciso.Evidence, error) {
	found, err := u.api.FindEvidence(ctx, u.want.name, folder)
	if err != nil || len(found) <= 1 {
		return found, err
	}
	return nil, jobs.Fail(jobs.CodeManyMatches, "%d evidences are named %q in this folder; select one by id", len(found), u.want.name)
}

// folder decides where a new evidence goes: values.folder, else the default,
// else the one folder of the matched controls, else the root, as the server does.
func (u *upload) folder(ctx context.Context) (string, error) {
	for _, given := range []string{u.want.folder, u.defaultFolder} {
		if given != "" {
			return u.api.Folder(ctx, given)
		}
	}
	var folders []string
	for _, m := range u.controls {
		if m.FolderID != "" && !slices.Contains(folders, m.FolderID) {
			folders = append(folders, m.FolderID)
		}
	}
	if len(folders) == 1 {
		return folders[0], nil
	}
	return u.api.Folder(ctx, "global")
}

// targetLocks are the locks of the objects that are linked.
func (u *upload) targetLocks() (locks []string) {
	for _, m := range u.controls {
		locks = append(locks, string(ciso.AppliedControls)+"/"+m.ID)
	}
	for _, m := range u.assessments {
		locks = append(locks, string(ciso.RequirementAssessments)+"/"+m.ID)
	}
	return locks
}

// create makes the evidence with file and links in one request.
func (u *upload) create(ctx context.Context, folder, nameLock string) error {
	if err := u.BeginWrites(ctx, false); err != nil {
		return err
	}
	look := func(ctx context.Context) (id string, there bool, err error) {
		found, err := u.find(ctx, folder)
		if err != nil || len(found) == 0 {
			return "", false, err
		}
		revisions, err := u.api.Revisions(ctx, found[0].ID, 100)
		return found[0].ID, u.ours(revisions), err
	}
	_, err := DoOnce(ctx, u.Run, "create", look, func(ctx context.Context) (id string, err error) {
		err = u.Write(nameLock, "", func() (err error) {
			id, err = u.api.CreateEvidence(ctx, ciso.NewEvidence{
				Name: u.want.name, Description: u.want.description, FolderID: folder,
				AppliedControls: ids(u.controls), RequirementAssessments: ids(u.assessments), File: u.source(),
			})
			return err
		})
		if err == nil {
			u.objects = append(u.objects, id)
		}
		return id, err
	})
	var failure *jobs.Failure
	if errors.As(err, &failure) && strings.Contains(failure.Message, "is already used in this scope") {
		// Somebody else, the web interface say, was faster: look again later.
		return jobs.Transient(failure.HTTPStatus, 0, fmt.Errorf("create evidence: %w", errors.New(failure.Message)))
	}
	return err
}

// ours reports whether one of the revisions holds this file.
func (u *upload) ours(revisions []ciso.Revision) bool {
	return slices.ContainsFunc(revisions, func(r ciso.Revision) bool {
		return r.Hash == u.file.SHA256 && attachment.IsStoredName(r.Attachment, u.file.SHA256)
	})
}

// addTo adds the file to an evidence as its newest revision, unless it is that
// already, and links the evidence.
func (u *upload) addTo(ctx context.Context, e ciso.Evidence, locks []string) error {
	lock := "evidences/" + e.ID
	if err := u.Lock(ctx, append(append(u.targetLocks(), lock), locks...)); err != nil {
		return err
	}
	if err := u.revise(ctx, e, lock); err != nil {
		return err
	}
	for resource, matches := range map[ciso.Resource][]ciso.Match{ciso.AppliedControls: u.controls, ciso.RequirementAssessments: u.assessments} {
		if len(matches) == 0 {
			continue
		}
		if err := u.BeginWrites(ctx, false); err != nil {
			return err
		}
		_, err := Do(ctx, u.Run, "link/"+string(resource), func(ctx context.Context) (struct{}, error) {
			return struct{}{}, u.Write(string(resource)+"/"+matches[0].ID, "", func() error {
				return u.api.Link(ctx, resource, ids(matches), e.ID)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (u *upload) revise(ctx context.Context, e ciso.Evidence, lock string) error {
	s, begun := u.recorded["revision"]
	if begun && s.State == jobs.StepDone {
		return nil
	}
	if !begun {
		newest, err := u.api.Revisions(ctx, e.ID, 1)
		if err != nil {
			return err
		}
		if u.ours(newest) {
			u.note = "the evidence has this file already"
			u.objects = append(u.objects, e.ID)
			return nil
		}
	}
	if err := u.BeginWrites(ctx, false); err != nil {
		return err
	}
	look := func(ctx context.Context) (id string, there bool, err error) {
		revisions, err := u.api.Revisions(ctx, e.ID, 100)
		i := slices.IndexFunc(revisions, func(r ciso.Revision) bool { return strings.Contains(r.Observation, u.mark()) })
		if err != nil || i < 0 {
			return "", false, err
		}
		return revisions[i].ID, true, nil
	}
	_, err := DoOnce(ctx, u.Run, "revision", look, func(ctx context.Context) (id string, err error) {
		err = u.Write(lock, e.ID, func() (err error) {
			id, err = u.api.AddRevision(ctx, e, u.observation(), u.source())
			return err
		})
		return id, err
	})
	return err
}

// mark is how a revision is recognised as this job's.
func (u *upload) mark() string { return "[job " + u.ID + "]" }

// observation keeps what the stored name cannot: the original name.
func (u *upload) observation() string {
	text := fmt.Sprintf("%s %s", attachment.BaseName(u.want.fileName), u.mark())
	if u.want.observation != "" {
		return u.want.observation + "\n" + text
	}
	return text
}

func (u *upload) source() ciso.File {
	return ciso.File{Name: u.name, Size: u.file.Size, Open: u.file.Open}
}

func ids(matches []ciso.Match) (list []string) {
	for _, m := range matches {
		list = append(list, m.ID)
	}
	return list
}
