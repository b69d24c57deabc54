package ciso

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

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

// BenchmarkClient is the package's own share, without connections.
func BenchmarkClient(b *testing.B) {
	c := connect(b, Config{URL: "http://fake/api", Credentials: token("t"), Transport: inProcess{http.HandlerFunc(canned)}})
	ctx := WithJob(b.Context(), "observation-0-42")
	values := map[string]any{"status": "active"}
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
