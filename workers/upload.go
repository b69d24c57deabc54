package workers

import (
	"context"
	"errors"
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
	Linked(ctx context.Context, evidenceID string) (controls, assessments []string, err error)
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
		ctx, release := context.WithCancel(ctx) // what is still being read ends with the attempt
		defer release()
		want, err := readUpload(r.Message)
		if err != nil {
			return err
		}
		if want.leftOut && r.Job.Attempts == 0 && !r.Resumed {
			r.Log().Warn("selector.ref_id is left out: evidence has no ref_id")
		}
		u := &upload{Run: r, api: api, files: files, want: want, defaultFolder: defaultFolder}
		defer func() { u.fetched.Remove() }()
		err = u.carryOut(ctx)
		if errors.Is(err, ciso.ErrGone) { // it was there a moment ago: look once more
			r.Log().Debug("object is gone, resolving once more", "error", err)
			r.again(resolveSteps()...)
			err = u.carryOut(ctx)
		}
		if errors.Is(err, ciso.ErrGone) {
			err = jobs.Fail(jobs.CodeNoMatch, "%s", err)
		}
		return err
	}
}

// Steps of an upload. Those that only look come before those that write.
const (
	stepFile     = "file"
	stepEvidence = "resolve"
	stepCreate   = "create"
	stepRevision = "revision"
)

func stepTargets(field string) string { return "resolve/" + field }

func resolveSteps() []string {
	return []string{stepEvidence, stepTargets("applied_controls"), stepTargets("requirement_assessments")}
}

// upload is one attempt at an upload.
type upload struct {
	*Run
	api           Evidences
	files         Files
	want          *uploadValues
	defaultFolder string
	file          fileFacts
	fetched       *attachment.File // nil: not yet

	controls, assessments []ciso.Match
}

// carryOut checks all that needs no write, then stores the file.
func (u *upload) carryOut(ctx context.Context) error {
	if err := u.identify(ctx); err != nil {
		return err
	}
	if err := u.findTargets(ctx); err != nil {
		return err
	}
	if u.want.selector != nil {
		matches, err := Resolve(ctx, u.Run, stepEvidence, func(ctx context.Context) ([]ciso.Match, error) {
			return u.api.Resolve(ctx, ciso.Evidences, u.want.selector)
		})
		if err != nil {
			return err
		}
		return u.addTo(ctx, ciso.Evidence{ID: matches[0].ID, Name: matches[0].Name, FolderID: matches[0].FolderID})
	}
	return u.findOrCreate(ctx)
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
	matches, err := Resolve(ctx, u.Run, stepTargets(field), func(ctx context.Context) ([]ciso.Match, error) {
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

// findOrCreate stores the file in the evidence of the wanted name, which may
// have to be made. Names are unique per folder, without case, and the API
// checks that too late: whoever may create one holds the lock of the name while
// looking.
func (u *upload) findOrCreate(ctx context.Context) error {
	if _, done := u.known(stepCreate); done {
		return u.create(ctx, "", "")
	}
	folder, err := u.folder(ctx)
	if err != nil {
		return err
	}
	nameLock := "evidences/" + folder + "/" + strings.ToLower(u.want.name)
	if err := u.Lock(ctx, append(u.targetLocks(), nameLock)); err != nil {
		return err
	}
	found, err := u.api.FindEvidence(ctx, u.want.name, folder)
	switch {
	case err != nil:
		return err
	case len(found) > 1:
		return jobs.Fail(jobs.CodeManyMatches, "%d evidences are named %q in this folder; select one by id", len(found), u.want.name)
	case len(found) == 1:
		return u.addTo(ctx, found[0], nameLock)
	}
	return u.create(ctx, folder, nameLock)
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
	root, err := u.api.Folder(ctx, "global")
	var failure *jobs.Failure
	if errors.As(err, &failure) && failure.Code == jobs.CodeNoMatch {
		err = jobs.Fail(jobs.CodeForbidden, "no folder is given, and the dispatcher's user may not see the root folder; set values.folder or DEFAULT_FOLDER")
	}
	return root, err
}

// targetLocks are the locks of the objects that are linked.
func (u *upload) targetLocks() []string {
	return append(locksOf(ciso.AppliedControls, ids(u.controls)), locksOf(ciso.RequirementAssessments, ids(u.assessments))...)
}

func locksOf(resource ciso.Resource, ids []string) []string {
	locks := make([]string, len(ids))
	for i, id := range ids {
		locks[i] = string(resource) + "/" + id
	}
	return locks
}

func ids(matches []ciso.Match) (list []string) {
	for _, m := range matches {
		list = append(list, m.ID)
	}
	return list
}
