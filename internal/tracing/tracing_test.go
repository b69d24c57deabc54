package tracing

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"dispatcher/jobs"
	"dispatcher/workers"
	"dispatcher/workers/ciso"
)

var (
	_ workers.Tracer = (*Tracing)(nil)
	_ ciso.Tracer    = (*Tracing)(nil)
)

func job() *jobs.Job {
	at := time.Unix(1700000000, 0)
	return &jobs.Job{
		ID: "observation-0-7", Type: jobs.TypeUpdateAppliedControl, Key: "a secret key", State: jobs.Failed, Attempts: 1,
		Failure: jobs.Fail(jobs.CodeNoMatch, "nothing matches a-secret"), ReceivedAt: at, FinishedAt: at.Add(time.Second),
		Source: jobs.Source{Topic: "observation", Offset: 7, Timestamp: at, Key: "a secret key"},
	}
}

// attempt does what a worker does, for one job.
func attempt(t *Tracing, j *jobs.Job) {
	ctx, ended := t.Attempt(context.Background(), &jobs.Claim{Lease: jobs.Lease{ID: j.ID}, Job: *j})
	ctx, done := t.Step(ctx, "patch/6f3d3696")
	to, _ := url.Parse("https://api.example.org/api/applied-controls/6f3d3696/?name=a-secret")
	answered := t.Request(ctx, ciso.Route{Method: http.MethodPatch, Path: "/applied-controls/{id}/"}, http.MethodPatch, to, make(http.Header))
	answered(0, errors.New("dial a-secret"))
	done(errors.New("a-secret"))
	ended(&jobs.Outcome{Kind: jobs.OutcomeFailed, Failure: j.Failure})
	t.Ended(j)
}

func TestTwoProcessesTellOfOneTraceAndNoneOfWhatIsSecret(t *testing.T) {
	t.Parallel()
	into := tracetest.NewInMemoryExporter()
	for range 2 {
		attempt(newTracing(Config{Version: "v1", Group: "g"}, sdk.WithSyncer(into)), job())
	}
	released := job()
	released.State = jobs.Released
	newTracing(Config{}, sdk.WithSyncer(into)).Ended(released)
	spans := into.GetSpans()
	if len(spans) != 8 {
		t.Fatalf("%d spans", len(spans))
	}
	for _, s := range spans {
		if s.SpanContext.TraceID() != spans[0].SpanContext.TraceID() {
			t.Errorf("%s is in another trace", s.Name)
		}
		if s.Status.Description != "" {
			t.Errorf("%s says %q", s.Name, s.Status.Description)
		}
		for _, a := range s.Attributes {
			if strings.Contains(a.Value.String(), "secret") {
				t.Errorf("%s tells %s %s", s.Name, a.Key, a.Value.String())
			}
		}
	}
	if spans[3].SpanContext.SpanID() != spans[7].SpanContext.SpanID() || spans[2].SpanContext.SpanID() == spans[6].SpanContext.SpanID() {
		t.Error("a job has one span, its attempts have their own")
	}
	retried := job()
	retried.BudgetFrom = 1
	if fixedIDs(retried).span == fixedIDs(job()).span || fixedIDs(retried).trace != fixedIDs(job()).trace {
		t.Error("a retried job has a new span in the same trace")
	}
}

// What a job costs more when it is traced; see workers and ciso for what it
// costs when it is not: one comparison with nil for each of these.
func BenchmarkTraceOfOneJob(b *testing.B) {
	t, j := newTracing(Config{}, sdk.WithBatcher(tracetest.NewNoopExporter())), job()
	for b.Loop() {
		attempt(t, j)
	}
}
