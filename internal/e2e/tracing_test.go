package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"dispatcher/internal/fakeciso"
)

const (
	producersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	producersSpan  = "00f067aa0ba902b7"
)

// one returns the only span with a name.
func (c *Collector) one(t *testing.T, name string) Span {
	t.Helper()
	list := c.Spans(name)
	if len(list) != 1 {
		t.Fatalf("%d spans %s: %+v", len(list), name, c.Spans(""))
	}
	return list[0]
}

// some waits for n spans with a name.
func (c *Collector) some(t *testing.T, n int, name string) []Span {
	t.Helper()
	eventually(t, fmt.Sprintf("%d spans %s", n, name), func() error {
		if got := len(c.Spans(name)); got < n {
			return fmt.Errorf("there are %d", got)
		}
		return nil
	})
	return c.Spans(name)
}

func TestATraceFollowsAJobFromItsProducerToTheAPIOverProcesses(t *testing.T) {
	t.Parallel()
	c := NewCollector(t)
	w := NewWorld(t, 1, fakeciso.Config{})
	id := w.API.AddControl(map[string]any{"ref_id": "secret-ref", "name": "Foo"})
	w.API.AddFault(fakeciso.Fault{Method: http.MethodPatch, Times: 1, Kind: fakeciso.Status, Code: http.StatusServiceUnavailable, Body: `{"detail":"no"}`})
	w.Env["OTEL_EXPORTER_OTLP_ENDPOINT"], w.Env["OTEL_BSP_SCHEDULE_DELAY"], w.Env["RETRY_BASE"], w.Env["RETRY_CAP"] = c.HTTP, "20", "4s", "4s"
	w.Env["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment.name=test"
	p := w.Start()
	w.Send(kafka.Message{Topic: "observation", Value: []byte(update("secret-ref", "observation", "secret-value")), Headers: []kafka.Header{
		{Key: "traceparent", Value: []byte("00-" + producersTrace + "-" + producersSpan + "-01")}, {Key: "tracestate", Value: []byte("vendor=x")},
	}})
	c.some(t, 1, "attempt")
	p.Kill()
	p = w.Start()
	w.Ended(1)
	p.Stop()

	job := c.one(t, "process observation")
	if job.Trace != producersTrace || job.Parent != producersSpan || job.Kind != tracepb.Span_SPAN_KIND_CONSUMER || job.Failed || job.Start >= job.End {
		t.Errorf("job %+v", job)
	}
	for key, value := range map[string]string{
		"messaging.system": "kafka", "messaging.operation.type": "process", "messaging.destination.name": "observation", "messaging.destination.partition.id": "0",
		"messaging.consumer.group.name": "my-group", "dispatcher.job.id": "observation-0-0", "dispatcher.job.state": "succeeded", "dispatcher.job.type": "update_applied_control",
	} {
		if job.Attrs[key] != value {
			t.Errorf("%s is %q", key, job.Attrs[key])
		}
	}
	if r := job.Resource; r["service.name"] != "ciso-assistant-dispatcher" || r["deployment.environment.name"] != "test" || r["service.version"] == "" {
		t.Errorf("resource %v", r)
	}
	above := map[string]Span{job.ID: job}
	for _, s := range c.Spans("") {
		if s.Trace != producersTrace {
			t.Errorf("%s is in another trace", s.Name)
		}
		above[s.ID] = s
	}
	attempts := c.Spans("attempt")
	if len(attempts) != 2 || attempts[0].Parent != job.ID || attempts[1].Parent != job.ID || !attempts[0].Failed || attempts[1].Failed ||
		attempts[0].Attrs["dispatcher.attempt.outcome"] != "retry" || attempts[1].Attrs["dispatcher.attempt.outcome"] != "succeeded" {
		t.Errorf("attempts %+v", attempts)
	}
	patches := c.Spans("PATCH /applied-controls/{id}/")
	if len(patches) != 2 || !patches[0].Failed || patches[0].Attrs["error.type"] != "503" || patches[1].Attrs["url.full"] != w.Base+"/applied-controls/"+id+"/" {
		t.Errorf("patches %+v", patches)
	}
	for _, s := range append(patches, c.Spans("GET /applied-controls/autocomplete/")...) {
		if step := above[s.Parent]; !strings.HasPrefix(step.Name, "step ") || above[step.Parent].Name != "attempt" || s.Kind != tracepb.Span_SPAN_KIND_CLIENT {
			t.Errorf("%s is below %s below %s", s.Name, step.Name, above[step.Parent].Name)
		}
	}
	passed := 0
	for _, e := range w.API.Journal() {
		switch {
		case e.Job == "" && e.Trace != "":
			t.Errorf("%s %s of no job is traced: %s", e.Method, e.Path, e.Trace)
		case e.Job != "" && !strings.HasPrefix(e.Trace, "00-"+producersTrace+"-"):
			t.Errorf("%s %s has traceparent %q", e.Method, e.Path, e.Trace)
		case e.Method == http.MethodPatch:
			if s := above[strings.Split(e.Trace, "-")[2]]; !strings.HasPrefix(s.Name, "PATCH ") {
				t.Errorf("PATCH names the span %q", s.Name)
			}
			passed++
		}
	}
	if passed != 2 {
		t.Errorf("%d PATCH with a trace", passed)
	}
	for _, secret := range []string{"admin-token", "secret-ref", "secret-value"} {
		if strings.Contains(c.Text(), secret) {
			t.Errorf("%s is told", secret)
		}
	}
}

func TestTracesWithoutAProducersBeginWithTheJobOverGRPC(t *testing.T) {
	t.Parallel()
	c := NewCollector(t)
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Env["OTEL_EXPORTER_OTLP_ENDPOINT"], w.Env["OTEL_EXPORTER_OTLP_PROTOCOL"], w.Env["OTEL_BSP_SCHEDULE_DELAY"] = c.GRPC, "grpc", "60000"
	p := w.Start("LOG_FORMAT=json")
	unsampled := keyed("b", update("foo", "status", "active"))
	unsampled.Headers = []kafka.Header{{Key: "traceparent", Value: []byte("00-" + producersTrace + "-" + producersSpan + "-00")}}
	forged := keyed("c", update("foo", "status", "to_do"))
	forged.Headers = []kafka.Header{{Key: "traceparent", Value: []byte("00-\"; drop table\n")}}
	w.Send(keyed("a", update("nobody", "status", "active")), unsampled, forged, keyed("d", "[]"))
	w.Ended(4)
	p.Stop() // nothing was sent before
	list := c.Spans("process observation")
	codes := map[string]string{}
	for _, s := range list {
		if s.Parent != "" || s.Trace == producersTrace {
			t.Errorf("not a trace of its own: %+v", s)
		}
		codes[s.Attrs["dispatcher.job.id"]] = s.Attrs["error.type"]
	}
	if fmt.Sprint(codes) != "map[observation-0-0:no_match observation-0-2: observation-0-3:invalid_message]" {
		t.Errorf("jobs %v", codes)
	}
	if log := p.log.String(); strings.Contains(log, "traces are lost") {
		t.Error(log)
	}
}

func TestACollectorThatHangsDelaysNoJobAndTheEndByFewSeconds(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "http://" + l.Addr().String() + "/v1/traces"
	p := w.Start()
	w.Produce(update("foo", "status", "active"))
	w.Ended(1)
	began := time.Now()
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 0 || time.Since(began) > 12*time.Second {
		t.Errorf("exit %d after %s: %s", code, time.Since(began), p.log)
	}
	p.Says("traces are lost")
}

func TestTracingSettingsThatCannotWorkAreRefusedInOneLine(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	for _, env := range []map[string]string{
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"},
		{"OTEL_TRACES_EXPORTER": "zipkin"},
		{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
	} {
		_, stderr, code := w.RunWith(env, "", "run")
		if code != 2 || !strings.HasPrefix(stderr, "dispatcher: tracing: OTEL_") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: exit %d: %s", env, code, stderr)
		}
	}
	p := w.Start("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_SDK_DISABLED=true")
	w.soon("jobs", "stats")
	p.Stop()
	if strings.Contains(p.log.String(), "traces are") {
		t.Error(p.log)
	}
}
