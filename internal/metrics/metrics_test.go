package metrics

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
	"dispatcher/workers"
	"dispatcher/workers/ciso"
)

var (
	_ workers.Steps = (*Metrics)(nil)
	_ ciso.Requests = (*Metrics)(nil)
)

// busy returns metrics with a state.
func busy(stats control.Stats) *Metrics {
	m := New("v1.2.3")
	m.Watch(State{
		Stats: func(context.Context) (control.Stats, error) { return stats, nil },
		Store: func(context.Context) (used, limit int64, err error) { return 1, 10, nil },
		Clock: func() time.Time { return time.Unix(1000, 0) },
	})
	return m
}

func stats() control.Stats {
	return control.Stats{
		Role: "active", States: map[string]int{"queued": 3, "failed": 2}, OldestUnfinished: time.Unix(940, 0), ErrorsPending: 4, ResultsPending: 5,
		Holds:   []jobs.Hold{{Reason: jobs.HoldAuth, Scope: "all"}},
		Ingest:  []control.Ingest{{Topic: "observation", Partition: 2, Lag: 7}},
		Workers: []control.Worker{{Name: "host/1", Running: 2}},
	}
}

// scrape returns what Prometheus would get.
func scrape(t testing.TB, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("HTTP %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestNamesKeepPrometheusConventions(t *testing.T) {
	t.Parallel()
	m := busy(stats())
	m.TokenEnds(time.Unix(2000, 0))
	m.Request(1, 200, time.Second)
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "dispatcher_") {
			t.Errorf("%s does not begin with dispatcher_", f.GetName())
		}
	}
}

func TestTheStateIsTold(t *testing.T) {
	t.Parallel()
	text := scrape(t, busy(stats()))
	for _, line := range []string{
		`dispatcher_role{role="active"} 1`, `dispatcher_role{role="standby"} 0`, `dispatcher_jobs{state="queued"} 3`, `dispatcher_jobs{state="succeeded"} 0`,
		`dispatcher_oldest_unfinished_job_age_seconds 60`, `dispatcher_ingest_lag_records{partition="2",topic="observation"} 7`, `dispatcher_errors_pending 4`, `dispatcher_results_pending 5`,
		`dispatcher_hold{reason="auth"} 1`, `dispatcher_hold{reason="api_down"} 0`, `dispatcher_workers 1`, `dispatcher_store_used_bytes 1`, `dispatcher_store_limit_bytes 10`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%q is missing", line)
		}
	}
	if strings.Contains(text, "host/1") {
		t.Error("the name of a worker is a label")
	}
}

func TestEventsAreCounted(t *testing.T) {
	t.Parallel()
	m := New("v1.2.3")
	now := time.Unix(1000, 0)
	m.Ended(&jobs.Job{Type: jobs.TypeUploadAttachment, State: jobs.Succeeded, ReceivedAt: now, FinishedAt: now.Add(2 * time.Second)})
	m.Ended(&jobs.Job{Type: jobs.TypeUpdateAppliedControl, State: jobs.Failed, Failure: jobs.Fail(jobs.CodeNoMatch, "none")})
	m.Ended(&jobs.Job{State: jobs.Failed, Failure: jobs.Fail(jobs.CodeInvalidMessage, "no JSON")})
	m.Step(jobs.TypeUpdateAppliedControl, "patch/6f3d3696-0b23-4836-8ec7-753718935167", time.Second)
	m.Request(placeOf(t, "PATCH", "/applied-controls/{id}/"), 200, time.Second)
	m.Request(placeOf(t, "PATCH", "/applied-controls/{id}/"), 0, time.Second)
	m.TokenEnds(time.Unix(2000, 0))
	text := scrape(t, m)
	for _, line := range []string{
		`dispatcher_jobs_finished_total{code="",state="succeeded",type="upload_attachment"} 1`,
		`dispatcher_jobs_finished_total{code="no_match",state="failed",type="update_applied_control"} 1`,
		`dispatcher_jobs_finished_total{code="invalid_message",state="failed",type="unknown"} 1`,
		`dispatcher_job_duration_seconds_sum{type="upload_attachment"} 2`,
		`dispatcher_step_duration_seconds_count{step="patch",type="update_applied_control"} 1`,
		`dispatcher_api_requests_total{method="PATCH",route="/applied-controls/{id}/",status="200"} 1`,
		`dispatcher_api_requests_total{method="PATCH",route="/applied-controls/{id}/",status="none"} 1`,
		`dispatcher_api_request_duration_seconds_count{method="PATCH",route="/applied-controls/{id}/"} 2`,
		`dispatcher_api_token_expiry_timestamp_seconds 2000`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%q is missing", line)
		}
	}
	m.TokenEnds(time.Time{})
	if strings.Contains(scrape(t, m), "token_expiry") {
		t.Error("the end of a token that is not known is told")
	}
}

func placeOf(t testing.TB, method, path string) int {
	t.Helper()
	for i, r := range ciso.Routes() {
		if r == (ciso.Route{Method: method, Path: path}) {
			return i
		}
	}
	t.Fatalf("no route %s %s", method, path)
	return 0
}

// series counts the lines of a scrape.
func series(t testing.TB, m *Metrics) (n int) {
	for line := range strings.Lines(scrape(t, m)) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}

func TestNoMessageMakesNewSeries(t *testing.T) {
	t.Parallel()
	m := busy(stats())
	flood := func(from, to int) {
		for i := from; i < to; i++ {
			m.Ended(&jobs.Job{Type: fmt.Sprint("type ", i), State: jobs.State(i % 10), Failure: jobs.Fail(jobs.Code(fmt.Sprint(i)), "x")})
			m.Step(fmt.Sprint("type ", i), fmt.Sprint("patch/", i), time.Second)
			m.Step(jobs.TypeUploadAttachment, fmt.Sprint("step ", i), time.Second)
			m.Request(i%len(ciso.Routes()), 800+i, time.Second)
		}
	}
	flood(0, 100)
	before := series(t, m)
	flood(100, 10_000)
	if after := series(t, m); after != before {
		t.Errorf("%d series became %d", before, after)
	}
	for place := range ciso.Routes() {
		for status := range 1000 {
			m.Request(place, status, time.Second)
		}
	}
	if all := series(t, m); all > 3000 {
		t.Errorf("%d series at worst", all)
	}
}

func TestEventsAllocateNothing(t *testing.T) {
	// not parallel: allocations are counted
	m := New("v1.2.3")
	job := &jobs.Job{Type: jobs.TypeUpdateAppliedControl, State: jobs.Succeeded}
	place := placeOf(t, "PATCH", "/applied-controls/{id}/")
	n := testing.AllocsPerRun(1000, func() {
		m.Ended(job)
		m.Step(jobs.TypeUpdateAppliedControl, "patch/6f3d3696-0b23-4836-8ec7-753718935167", time.Second)
		m.Request(place, 200, time.Second)
	})
	if n != 0 {
		t.Errorf("%v allocations per job", n)
	}
}

// A job's events: its steps and requests, and its end.
func BenchmarkEventsOfOneJob(b *testing.B) {
	m := New("v1.2.3")
	job := &jobs.Job{Type: jobs.TypeUpdateAppliedControl, State: jobs.Succeeded}
	for b.Loop() {
		m.Request(12, 200, time.Millisecond)
		m.Step(jobs.TypeUpdateAppliedControl, "resolve", time.Millisecond)
		m.Request(18, 200, time.Millisecond)
		m.Step(jobs.TypeUpdateAppliedControl, "patch/6f3d3696-0b23-4836-8ec7-753718935167", time.Millisecond)
		m.Ended(job)
	}
}
