package workers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// never is the look of a step that has been looked for just before.
func never(context.Context) (string, bool, error) { return "", false, nil }

// create makes the evidence with file and links in one request. The caller has
// seen, under the lock of the name, that there is none.
func (u *upload) create(ctx context.Context, folder, nameLock string) error {
	tried, _ := u.known(stepCreate)
	if err := u.BeginWrites(ctx, false); err != nil {
		return err
	}
	id, err := DoOnce(ctx, u.Run, stepCreate, never, func(ctx context.Context) (id string, err error) {
		file, err := u.toSend(ctx)
		if err != nil {
			return "", err
		}
		err = u.Write([]string{nameLock}, func() (err error) {
			id, err = u.api.CreateEvidence(ctx, ciso.NewEvidence{
				Name: u.want.name, Description: u.want.description, FolderID: folder,
				AppliedControls: ids(u.controls), RequirementAssessments: ids(u.assessments), File: file,
			})
			return err
		})
		return id, err
	})
	if err != nil {
		return u.notCreated(err, tried)
	}
	u.Wrote(id)
	return nil
}

// notCreated words why an evidence could not be made. When somebody else, the
// web interface say, made it meanwhile it is tried once more; if it is not seen
// then either, it cannot be.
func (u *upload) notCreated(err error, tried bool) error {
	var failure *jobs.Failure
	if !errors.As(err, &failure) {
		return err
	}
	taken := strings.Contains(failure.Message, "is already used in this scope")
	switch {
	case taken && !tried:
		return jobs.Transient(failure.HTTPStatus, 0, fmt.Errorf("create evidence: %s", failure.Message))
	case taken:
		return jobs.Fail(failure.Code, "evidence %q exists already, and the dispatcher's user may not see it; give the user the right, or another name: %s",
			u.want.name, failure.Message).WithStatus(failure.HTTPStatus)
	case failure.Code == jobs.CodeForbidden && u.want.folder == "" && u.defaultFolder == "":
		return jobs.Fail(failure.Code, "%s; or set values.folder or DEFAULT_FOLDER", failure.Message).WithStatus(failure.HTTPStatus)
	}
	return err
}

// addTo adds the file to an evidence as its newest revision, unless it is that
// already, and links the evidence.
func (u *upload) addTo(ctx context.Context, e ciso.Evidence, locks ...string) error {
	lock := "evidences/" + e.ID
	if err := u.Lock(ctx, slices.Concat(u.targetLocks(), locks, []string{lock})); err != nil {
		return err
	}
	if err := u.revise(ctx, e, lock); err != nil {
		return err
	}
	u.Wrote(e.ID)
	return u.link(ctx, e)
}

// revise adds the revision.
func (u *upload) revise(ctx context.Context, e ciso.Evidence, lock string) error {
	if begun, _ := u.known(stepRevision); !begun {
		_, there, err := u.holds(ctx, e)
		if err != nil || there {
			return err
		}
	}
	if err := u.BeginWrites(ctx, false); err != nil {
		return err
	}
	look := func(ctx context.Context) (string, bool, error) { return u.holds(ctx, e) }
	_, err := DoOnce(ctx, u.Run, stepRevision, look, func(ctx context.Context) (id string, err error) {
		file, err := u.toSend(ctx)
		if err != nil {
			return "", err
		}
		err = u.Write([]string{lock}, func() (err error) {
			id, err = u.api.AddRevision(ctx, e, u.observation(), file)
			return err
		})
		return id, err
	})
	return err
}

// lookBack is how many revisions an attempt looks through for what an earlier
// attempt of the same job has added.
const lookBack = 100

// holds reports whether the evidence has the file: as its newest revision or,
// when this job has begun to store it, as one that this job made.
func (u *upload) holds(ctx context.Context, e ciso.Evidence) (id string, there bool, err error) {
	created, _ := u.known(stepCreate)
	revised, _ := u.known(stepRevision)
	limit := 1
	if created || revised {
		limit = lookBack
	}
	revisions, err := u.api.Revisions(ctx, e.ID, limit)
	if err != nil {
		return "", false, err
	}
	for i, r := range revisions {
		if u.ours(r) && (i == 0 || created || strings.Contains(r.Observation, u.mark())) {
			if !created && !revised {
				u.note = "the evidence has this file already"
			}
			return r.ID, true, nil
		}
	}
	return "", false, nil
}

// link links the evidence to what was matched, and keeps other links. If
// nothing was written yet perhaps nothing has to be.
func (u *upload) link(ctx context.Context, e ciso.Evidence) error {
	controls, assessments := ids(u.controls), ids(u.assessments)
	if !u.writing && len(controls)+len(assessments) > 0 {
		linked, linked2, err := u.api.Linked(ctx, e.ID)
		if err != nil {
			return err
		}
		controls, assessments = without(controls, linked), without(assessments, linked2)
	}
	if err := u.linkTo(ctx, ciso.AppliedControls, controls, e); err != nil {
		return err
	}
	return u.linkTo(ctx, ciso.RequirementAssessments, assessments, e)
}

func (u *upload) linkTo(ctx context.Context, resource ciso.Resource, ids []string, e ciso.Evidence) error {
	if len(ids) == 0 {
		return nil
	}
	if err := u.BeginWrites(ctx, false); err != nil {
		return err
	}
	_, err := Do(ctx, u.Run, "link/"+string(resource), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, u.Write(locksOf(resource, ids), func() error { return u.api.Link(ctx, resource, ids, e.ID) })
	})
	return err
}

// without returns the elements of all that are not in some.
func without(all, some []string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return slices.Contains(some, s) })
}
