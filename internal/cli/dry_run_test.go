package cli

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"dispatcher/jobs"
	"dispatcher/workers"
	"dispatcher/workers/ciso"
)

// told runs plans in turn, the last one again and again, and returns the log.
func told(t testing.TB, plans ...workers.Plan) (log string, asked int) {
	t.Helper()
	var b bytes.Buffer
	d := &dryRun{log: slog.New(slog.NewTextHandler(&b, nil)), plan: func(context.Context, jobs.Envelope) workers.Plan {
		plan := plans[min(asked, len(plans)-1)]
		asked++
		return plan
	}}
	d.tell(t.Context(), jobs.Envelope{Topic: "observation", Partition: 1, Offset: 42})
	return b.String(), asked
}

func failing(class jobs.Class, code jobs.Code) workers.Plan {
	return workers.Plan{Type: jobs.TypeUpdateAppliedControl, Error: &jobs.Failure{Class: class, Code: code, Message: "why"}}
}

func TestADryRunWaitsForWhoIsAway(t *testing.T) {
	t.Parallel()
	away := failing(workers.ClassHold, "api_down")
	good := workers.Plan{Type: jobs.TypeUpdateAppliedControl, Objects: []workers.Planned{{ID: "1", Name: "Foo", Changes: map[string]ciso.Change{"status": {Before: "to_do", After: "active"}}}}}
	log, asked := told(t, away, away, away, away, away, good)
	if asked != 6 || strings.Count(log, "stand still") != 1 || !strings.Contains(log, `msg="would succeed" job=observation-1-42`) || !strings.Contains(log, "Foo: status: ") {
		t.Errorf("asked %d times: %s", asked, log)
	}
}

func TestADryRunDoesNotStandStillForOneMessage(t *testing.T) {
	t.Parallel()
	log, asked := told(t, failing(workers.ClassTransient, jobs.CodeRejected))
	if asked != dryTries || !strings.Contains(log, "would fail") {
		t.Errorf("asked %d times: %s", asked, log)
	}
	if log, asked = told(t, failing(jobs.ClassPermanent, jobs.CodeNoMatch)); asked != 1 || !strings.Contains(log, "code=no_match") {
		t.Errorf("asked %d times: %s", asked, log)
	}
}
