package cli

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"dispatcher/jobs"
)

func TestThatNoWorkerIsThereIsSaidAtOnceAndThenEveryMinute(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	missed := false
	u := &unmanned{ask: func() (bool, bool) { return missed, missed }, jobs: func() int { return 3 }, log: slog.New(slog.NewTextHandler(&out, nil))}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	look := func(after time.Duration, lines int) {
		t.Helper()
		now = now.Add(after)
		u.look(now)
		if n := strings.Count(out.String(), "level=WARN"); n != lines {
			t.Errorf("%d lines, not %d:\n%s", n, lines, &out)
		}
	}
	look(0, 0)
	missed = true
	look(time.Second, 1)
	look(59*time.Second, 1)
	look(time.Second, 2)
	missed = false
	look(time.Second, 2)
	missed = true
	look(time.Second, 3)
	if !strings.Contains(out.String(), "jobs=3") || !strings.Contains(out.String(), "dispatcher worker --join") {
		t.Error(out.String())
	}
}

func TestACoordinatorVouchesForNobodyWhomItDoesNotAsk(t *testing.T) {
	t.Parallel()
	away := []jobs.Hold{{Reason: jobs.HoldAPIDown, Scope: "worker:w", Message: "away"}}
	for name, c := range map[string]struct {
		role     string
		holds    []jobs.Hold
		unmanned bool
		ready    bool
		rows     string
	}{
		"unmanned":        {"active", nil, true, false, "kafka+ store+ operator+ workers-"},
		"with workers":    {"active", nil, false, true, "kafka+ store+ operator+ workers+"},
		"workers held up": {"active", away, false, false, "kafka+ api- store+ operator+ workers+"},
		"standing by":     {"standby", nil, false, true, "kafka+ store+ operator+"},
	} {
		r := coordinatorReadiness(c.role, c.holds, c.unmanned)
		var rows []string
		for _, p := range r.Parties {
			rows = append(rows, p.Name+map[bool]string{true: "+", false: "-"}[p.OK])
			if p.OK != (p.Why == "") {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if got := strings.Join(rows, " "); got != c.rows || r.Ready != c.ready {
			t.Errorf("%s: ready %v, %s", name, r.Ready, got)
		}
	}
}
