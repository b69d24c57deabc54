package workers

import (
	"context"
	"errors"
	"fmt"

	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// Objects is what the update workflows need of the API.
type Objects interface {
	Resolve(ctx context.Context, resource ciso.Resource, s ciso.Selector) ([]ciso.Match, error)
	Update(ctx context.Context, resource ciso.Resource, id string, values map[string]any) error
	Object(ctx context.Context, resource ciso.Resource, id string) (map[string]any, error)
	Same(object, values map[string]any) bool
}

// Update returns the workflow that writes fields of all objects that a selector
// means: update_applied_control and update_requirement_assessment.
func Update(api Objects, resource ciso.Resource) Workflow {
	return func(ctx context.Context, r *Run) error {
		u := update{api: api, resource: resource, Run: r, selector: r.Message.Selector}
		matches, err := Resolve(ctx, r, "resolve", u.resolve)
		if err != nil {
			return err
		}
		err = u.write(ctx, matches)
		if errors.Is(err, ciso.ErrGone) { // it was there a moment ago: look once more
			if matches, err = u.resolveAgain(ctx, err); err == nil {
				err = u.write(ctx, matches)
			}
			if errors.Is(err, ciso.ErrGone) {
				err = jobs.Fail(jobs.CodeNoMatch, "%s", err)
			}
		}
		return err
	}
}

type update struct {
	*Run
	api      Objects
	resource ciso.Resource
	selector ciso.Selector
}

func (u *update) resolve(ctx context.Context) ([]ciso.Match, error) {
	return u.api.Resolve(ctx, u.resource, u.selector)
}

// resolveAgain replaces what was resolved, recorded or not.
func (u *update) resolveAgain(ctx context.Context, gone error) ([]ciso.Match, error) {
	u.Log.Debug("object is gone, resolving once more", "error", gone)
	delete(u.recorded, "resolve")
	return Resolve(ctx, u.Run, "resolve", u.resolve)
}

// write changes the objects one after the other.
func (u *update) write(ctx context.Context, matches []ciso.Match) error {
	locks := make([]string, len(matches))
	for i, m := range matches {
		locks[i] = u.lock(m.ID)
	}
	if err := u.Lock(ctx, locks); err != nil {
		return err
	}
	if err := u.BeginWrites(ctx, u.selector.Affects(u.Message.Values)); err != nil {
		return err
	}
	for i, m := range matches {
		_, err := Do(ctx, u.Run, "patch/"+m.ID, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, u.Write(u.lock(m.ID), m.ID, func() error { return u.patch(ctx, m.ID) })
		})
		if err != nil {
			return progress(err, i, len(matches))
		}
	}
	return nil
}

func (u *update) lock(id string) string { return string(u.resource) + "/" + id }

// patch writes one object. An attempt that follows another one looks first
// whether that one has done it.
func (u *update) patch(ctx context.Context, id string) error {
	if u.Resumed {
		object, err := u.api.Object(ctx, u.resource, id)
		if err != nil {
			return err
		}
		if u.api.Same(object, u.Message.Values) {
			return nil
		}
	}
	return u.api.Update(ctx, u.resource, id, u.Message.Values)
}

// progress says how far a job with several objects had come.
func progress(err error, done, total int) error {
	var failure *jobs.Failure
	if total < 2 || !errors.As(err, &failure) {
		return err
	}
	told := *failure
	told.Message = fmt.Sprintf("%s (%d of %d objects are done)", failure.Message, done, total)
	return &told
}
