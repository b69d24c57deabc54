package ciso

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
)

// BenchmarkFindAndPatch is the dispatcher's commonest job: two requests.
func BenchmarkFindAndPatch(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(canned))
	b.Cleanup(server.Close)
	c := connect(b, Config{URL: server.URL + "/api", Credentials: token("t"), Concurrency: 64})
	ctx := WithJob(b.Context(), "observation-0-42")
	values := map[string]any{"status": "active"}
	b.ReportAllocs()
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			matches, err := c.Resolve(ctx, AppliedControls, Selector{"ref_id": "foo"})
			if err == nil {
				err = c.Update(ctx, AppliedControls, matches[0].ID, values)
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkBareHTTP is the same without this package: the floor.
func BenchmarkBareHTTP(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(canned))
	b.Cleanup(server.Close)
	c := connect(b, Config{URL: server.URL + "/api", Credentials: token("t"), Concurrency: 64})
	b.ReportAllocs()
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			for range 2 {
				resp, err := c.http.Get(server.URL + "/api/applied-controls/autocomplete/")
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = readAll(resp)
				_ = resp.Body.Close()
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkClient is the package's own share, without the kernel's.
func BenchmarkClient(b *testing.B) {
	c := connect(b, Config{URL: "http://fake/api", Credentials: token("t"), Transport: inProcess{http.HandlerFunc(canned)}})
	c.direct = newDirect(&http.Transport{}, 1, time.Now)
	c.direct.dial = func(context.Context, string, string) (net.Conn, error) { return newCannedConn(b), nil }
	c.lastOrigin.Store(nil)
	ctx := WithJob(b.Context(), "observation-0-42")
	values := map[string]any{"status": "active", "observation": strings.Repeat("x", 900)}
	b.ReportAllocs()
	for b.Loop() {
		matches, err := c.Resolve(ctx, AppliedControls, Selector{"ref_id": "foo"})
		if err == nil {
			err = c.Update(ctx, AppliedControls, matches[0].ID, values)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// cannedConn answers each request as [canned] does, with what a PATCH sent.
type cannedConn struct {
	net.Conn // of a socket, which is looked at
	answer   []byte
}

func newCannedConn(b *testing.B) *cannedConn {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &cannedConn{Conn: conn}
}

func (c *cannedConn) SyscallConn() (syscall.RawConn, error) {
	return c.Conn.(syscall.Conn).SyscallConn()
}

func (c *cannedConn) Write(p []byte) (int, error) {
	body := `{"count":1,"next":null,"previous":null,"results":[{"id":"` + controlID + `","name":"Control foo","ref_id":"foo","folder":{"str":"f","id":"f"},"str":"Control foo"}]}`
	if bytes.HasPrefix(p, []byte("PATCH")) {
		_, sent, _ := bytes.Cut(p, []byte("\r\n\r\n"))
		body = `{"id":"` + controlID + `",` + string(sent[1:])
	}
	c.answer = fmt.Appendf(c.answer[:0], "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	return len(p), nil
}

func (c *cannedConn) Read(p []byte) (int, error) {
	n := copy(p, c.answer)
	c.answer = c.answer[n:]
	return n, nil
}

// canned answers as CISO Assistant v3.20.8 does, from memory.
func canned(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/health/":
		answerJSON(w, 200, `{"status":"ok"}`)
	case "/api/build/":
		answerJSON(w, 200, `{"version":"v3.20.8"}`)
	case "/api/applied-controls/autocomplete/":
		answerJSON(w, 200, `{"count":1,"next":null,"previous":null,"results":[{"id":"`+controlID+`","name":"Control foo","ref_id":"foo","folder":{"str":"dispatcher-lab","id":"40495cfc-c4bd-443b-a99e-03763553fef0"},"str":"Control foo"}]}`)
	default:
		answerJSON(w, 200, `{"id":"`+controlID+`","findings":[],"requirement_assessments":[],"stakeholders":[],"task_templates":[],"incidents":[],"cost":{"currency":"€","amortization_period":1,"build":{"fixed_cost":0,"people_days":0},"run":{"fixed_cost":0,"people_days":0}},"created_at":"2026-11-23T21:08:18.695168Z","updated_at":"2026-11-23T21:08:52.912544Z","name":"Control foo","description":"seeded","priority":null,"ref_id":"foo","category":null,"csf_function":null,"status":"active","start_date":null,"eta":null,"expiry_date":null,"link":null,"effort":null,"control_impact":null,"progress_field":100,"is_published":true,"observation":null,"folder":"40495cfc-c4bd-443b-a99e-03763553fef0","reference_control":null,"filtering_labels":[],"evidences":[],"assets":[],"owner":[],"security_exceptions":[],"objectives":[]}`)
	}
}

// BenchmarkManyRows lists a whole audit.
func BenchmarkManyRows(b *testing.B) {
	server := fakeciso.New(fakeciso.Config{})
	var refs []string
	for n := range 500 {
		refs = append(refs, fmt.Sprint("R", n))
	}
	server.AddAudit("ISO", server.AddFramework("F", refs...), "")
	c := connect(b, Config{URL: "http://fake/api", Credentials: token("admin-token"), Transport: inProcess{server}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Resolve(b.Context(), RequirementAssessments, Selector{"compliance_assessment__ref_id": "ISO", "target": "multiple"}); err != nil {
			b.Fatal(err)
		}
	}
}
