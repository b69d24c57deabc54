package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"dispatcher/jobs/control"
)

// choice is the body of a change of jobs: ids, a filter as the page's address
// spells it, or all.
type choice struct {
	IDs       []string `json:"ids"`
	Filter    string   `json:"filter"`
	All       bool     `json:"all"`
	DryRun    bool     `json:"dry_run"`
	Reason    string   `json:"reason"`
	Force     bool     `json:"force"`
	FromStart bool     `json:"from_start"`
}

// maxReason bounds what is kept of why.
const maxReason = 500

// selection is what was chosen; why is not empty if that makes no sense.
func (s *Server) selection(in choice, who session) (sel control.Selection, why string) {
	values, err := url.ParseQuery(in.Filter)
	if err != nil {
		return sel, "filter: " + err.Error()
	}
	some := given(values)
	filter, err := control.ReadFilter(some, s.cfg.Clock())
	by, why := signed(in.Reason, who)
	switch {
	case err != nil:
		return sel, err.Error()
	case why != "" && !in.DryRun:
		return sel, why
	case len(in.IDs) > 0 && (len(some) > 0 || in.All):
		return sel, "ids and a filter at once; give one of them"
	case len(in.IDs) == 0 && len(some) == 0 && !in.All:
		return sel, "it names no job; give ids or a filter, or all"
	}
	return control.Selection{IDs: in.IDs, Filter: filter, DryRun: in.DryRun, Signed: by}, ""
}

// signed is who acts and why; a reason must be given.
func signed(reason string, who session) (by control.Signed, why string) {
	reason = strings.Join(strings.Fields(reason), " ")
	if reason == "" {
		return by, "say why: the reason is kept with the job"
	}
	if len(reason) > maxReason {
		return by, "the reason is too long"
	}
	return control.Signed{Operator: who.operator + " (web)", Reason: reason}, ""
}

func (s *Server) retry(w http.ResponseWriter, r *http.Request, who session) {
	s.change(w, r, who, func(ctx context.Context, sel control.Selection, in choice, told control.Progress) (control.Changed, error) {
		return s.cfg.Backend.Retry(ctx, control.RetryQuery{Selection: sel, Force: in.Force, FromStart: in.FromStart}, told)
	})
}

func (s *Server) cancel(w http.ResponseWriter, r *http.Request, who session) {
	s.change(w, r, who, func(ctx context.Context, sel control.Selection, _ choice, told control.Progress) (control.Changed, error) {
		return s.cfg.Backend.Cancel(ctx, control.CancelQuery{Selection: sel}, told)
	})
}

// change reads what was chosen and streams how far it is. It goes on when the
// browser has gone.
func (s *Server) change(w http.ResponseWriter, r *http.Request, who session, do func(context.Context, control.Selection, choice, control.Progress) (control.Changed, error)) {
	var in choice
	if !read(w, r, &in) {
		return
	}
	sel, why := s.selection(in, who)
	if why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	select {
	case s.changes <- struct{}{}:
	default:
		refuse(w, http.StatusTooManyRequests, "several changes are at work; wait for one of them")
		return
	}
	lines := newLines(w)
	defer lines.close()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		defer func() { <-s.changes }()
		changed, err := do(context.WithoutCancel(r.Context()), sel, in, lines.progress)
		lines.end(changed, err)
	}()
	select {
	case <-finished:
	case <-r.Context().Done():
	}
}

// stand is the body of a pause or its end.
type stand struct {
	Type   string `json:"type"` // of messages; empty: all work
	Reason string `json:"reason"`
}

func (s *Server) pause(w http.ResponseWriter, r *http.Request, who session) {
	s.standing(w, r, who, s.cfg.Backend.Pause)
}

func (s *Server) resume(w http.ResponseWriter, r *http.Request, who session) {
	s.standing(w, r, who, s.cfg.Backend.Resume)
}

func (s *Server) standing(w http.ResponseWriter, r *http.Request, who session, do func(context.Context, control.PauseQuery) (control.Paused, error)) {
	var in stand
	if !read(w, r, &in) {
		return
	}
	by, why := signed(in.Reason, who)
	if why == "" && in.Type != "" {
		if err := control.KnownType(in.Type); err != nil {
			why = err.Error()
		}
	}
	if why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	now, err := do(context.WithoutCancel(r.Context()), control.PauseQuery{Type: in.Type, Signed: by})
	if err != nil {
		failed(w, err)
		return
	}
	answer(w, now)
}
