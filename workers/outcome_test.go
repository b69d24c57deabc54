package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

func TestHowAWorkflowEndsDecidesWhatBecomesOfTheJob(t *testing.T) {
	t.Parallel()
	stopped, stop := context.WithCancelCause(t.Context())
	stop(errShutdown)
	transient := jobs.Transient(503, 7*time.Second, errors.New("busy"))
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		want string
	}{
		{"nil", t.Context(), nil, "succeeded"},
		{"done although stopping", stopped, nil, "succeeded"},
		{"failure", t.Context(), fmt.Errorf("step: %w", jobs.Fail(jobs.CodeNoMatch, "none")), "failed no_match"},
		{"failure although stopping", stopped, jobs.Fail(jobs.CodeNoMatch, "none"), "failed no_match"},
		{"transient", t.Context(), transient, "retry"},
		{"transient while stopping", stopped, transient, "returned"},
		{"unanswered", t.Context(), &ciso.UnansweredError{Err: transient}, "retry"},
		{"unanswered hold", t.Context(), &ciso.UnansweredError{Err: jobs.Holding(jobs.HoldAPIDown, errors.New("away"))}, "held api_down"},
		{"hold", t.Context(), fmt.Errorf("step: %w", jobs.Holding(jobs.HoldS3Down, errors.New("away"))), "held s3_down"},
		{"hold while stopping", stopped, jobs.Holding(jobs.HoldAPIDown, errors.New("away")), "returned"},
		{"locked", t.Context(), fmt.Errorf("lock: %w", jobs.ErrLocked), "locked"},
		{"cancelled", stopped, context.Canceled, "returned"},
		{"stale", t.Context(), jobs.ErrStale, "retry"},
		{"anything else", t.Context(), errors.New("what"), "retry"},
		{"gone", t.Context(), fmt.Errorf("x: %w", ciso.ErrGone), "retry"},
	} {
		r := newRun(&jobs.Claim{}, newClaims(), time.Now, slog.New(slog.DiscardHandler))
		o := r.outcome(c.ctx, c.err)
		if got := describe(o); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if (o.Kind == jobs.OutcomeRetry || o.Kind == jobs.OutcomeFailed) && (o.Failure == nil || o.Failure.Message == "") {
			t.Errorf("%s: says no reason", c.name)
		}
	}
	r := newRun(&jobs.Claim{}, newClaims(), time.Now, slog.New(slog.DiscardHandler))
	if o := r.outcome(t.Context(), transient); o.RetryAfter != 7*time.Second || o.Failure.HTTPStatus != 503 {
		t.Errorf("%v, %+v", o.RetryAfter, o.Failure)
	}
}

// TestWhatTheAPIAnswersToAWrite is the table of retries: what a PATCH is
// answered, and what becomes of its job.
func TestWhatTheAPIAnswersToAWrite(t *testing.T) {
	t.Parallel()
	patch := regexp.MustCompile(`/applied-controls/.+/$`)
	status := func(code int, body string) fakeciso.Fault {
		return fakeciso.Fault{Method: http.MethodPatch, Path: patch, Times: 1, Kind: fakeciso.Status, Code: code, Body: body}
	}
	with := func(f fakeciso.Fault, name, value string) fakeciso.Fault {
		f.Header = map[string]string{name: value}
		return f
	}
	cut := func(kind fakeciso.FaultKind) fakeciso.Fault {
		return fakeciso.Fault{Method: http.MethodPatch, Path: patch, Times: 1, Kind: kind}
	}
	for _, c := range []struct {
		name       string
		fault      fakeciso.Fault
		want       string
		unanswered bool
		after      time.Duration
	}{
		{"bad value", status(400, `{"status":["\"x\" is not a valid choice."]}`), "failed rejected", false, 0},
		{"locked audit", status(400, `{"non_field_errors":["Cannot modify"]}`), "failed rejected", false, 0},
		{"busy database", status(400, `["database is locked"]`), "retry", false, 0},
		{"no right", status(403, `{"detail":"You do not have permission to perform this action."}`), "failed forbidden", false, 0},
		{"refused token", status(401, `{"detail":"Invalid token."}`), "held auth", false, 0},
		{"too many", with(status(429, `{"detail":"slow down"}`), "Retry-After", "3"), "retry", false, 3 * time.Second},
		{"unavailable for a while", with(status(503, `{"detail":"later"}`), "Retry-After", "9"), "retry", true, 9 * time.Second},
		{"server error", status(500, `<h1>Server Error (500)</h1>`), "retry", false, 0},
		{"bad gateway", status(502, `<h1>Bad Gateway</h1>`), "retry", true, 0},
		{"gateway timeout", status(504, `<h1>Timeout</h1>`), "retry", true, 0},
		{"redirect", with(status(302, `<h1>Found</h1>`), "Location", "/login"), "held api_down", false, 0},
		{"page of a proxy", status(200, `<h1>Welcome</h1>`), "held api_down", false, 0},
		{"too large for a proxy", status(413, `<h1>Too Large</h1>`), "failed rejected", false, 0},
		{"cut before", cut(fakeciso.ResetBefore), "retry", true, 0},
		{"cut behind", cut(fakeciso.ResetAfter), "retry", true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fakeciso.Config{})
			id := w.api.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
			w.api.AddFault(c.fault)
			claim := w.claim(`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"status":"active"}}`)
			o := w.attempt(claim)
			if got := describe(o); got != c.want {
				t.Errorf("%s %s, want %s", got, why(o), c.want)
			}
			if c.unanswered != (len(o.Unanswered) == 1) {
				t.Errorf("unanswered %v", o.Unanswered)
			}
			if c.unanswered && len(o.Unanswered) == 1 && o.Unanswered[0] != "applied-controls/"+id {
				t.Errorf("unanswered %v", o.Unanswered)
			}
			if o.RetryAfter != c.after {
				t.Errorf("again after %v", o.RetryAfter)
			}
			if o.Kind == jobs.OutcomeFailed {
				return
			}
			if o := w.attempt(w.resume(claim)); o.Kind != jobs.OutcomeSucceeded || len(o.Unanswered) > 0 || w.api.Object("applied-controls", id)["status"] != "active" {
				t.Errorf("the next attempt: %s %s", describe(o), why(o))
			}
		})
	}
}
