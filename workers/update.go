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
			r.Log().Debug("object is gone, resolving once more", "error", err)
			r.again("resolve")
			if matches, err = Resolve(ctx, r, "resolve", u.resolve); err != nil {
				return progress(err, u.done, u.total)
			}
			err = u.write(ctx, matches)
		}
		if errors.Is(err, ciso.ErrGone) {
			err = progress(jobs.Fail(jobs.CodeNoMatch, "%s", err), u.done, u.total)
		}
		return err
	}
}

// update is one attempt at an update.
type update struct {
	*Run
	api         Objects
	resource    ciso.Resource
	selector    ciso.Selector
	done, total int // of the objects last matched
}

func (u *update) resolve(ctx context.Context) ([]ciso.Match, error) {
	return u.api.Resolve(ctx, u.resource, u.selector)
}

// write changes the objects one after the other, up to the first that fails.
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
	u.total = len(matches)
	for u.done = range matches {
		if err := u.one(ctx, matches[u.done].ID); err != nil {
			return progress(err, u.done, u.total)
		}
	}
	u.done = u.total
	return nil
}

func (u *update) lock(id string) string { return string(u.resource) + "/" + id }

// one is the step that writes one object.
func (u *update) one(ctx context.Context, id string) error {
	_, err := Do(ctx, u.Run, "patch/"+id, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, u.Write([]string{u.lock(id)}, func() error { return u.patch(ctx, id) })
	})
	if err == nil || isIgnoredFields(err) { // the others are applied
		u.Wrote(id)
	}
	return err
}

func isIgnoredFields(err error) bool {
	var failure *jobs.Failure
	return errors.As(err, &failure) && failure.Code == jobs.CodeIgnoredFields
}

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
