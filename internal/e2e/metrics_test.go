package e2e

import (
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"dispatcher/internal/fakeciso"
)

// scraped is what Prometheus would store: names with their labels.
type scraped map[string]map[string]bool

// scrape asks a process for its metrics.
func scrape(t testing.TB, address string) (text string, names scraped) {
	t.Helper()
	resp, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("HTTP %d, %v: %s", resp.StatusCode, err, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	names = make(scraped)
	for name, family := range families {
		labels := map[string]bool{"job": true, "instance": true} // Prometheus adds them
		for _, m := range family.Metric {
			for _, pair := range m.Label {
				labels[pair.GetName()] = true
			}
		}
		names[name] = labels
		if family.GetType() == dto.MetricType_HISTOGRAM {
			labels["le"] = true
			names[name+"_bucket"], names[name+"_sum"], names[name+"_count"] = labels, labels, labels
		}
	}
	return string(body), names
}

// expressions finds every "expr" below a value.
func expressions(v any) (list []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if text, ok := v[key].(string); ok && key == "expr" {
				list = append(list, text)
			}
			list = append(list, expressions(v[key])...)
		}
	case []any:
		for _, item := range v {
			list = append(list, expressions(item)...)
		}
	}
	return list
}

// documented returns the expressions of the dashboard and of the alert rules.
func documented(t testing.TB) []string {
	t.Helper()
	var dashboard, alerts any
	text, err := os.ReadFile("../../docs/grafana.json")
	if err == nil {
		err = json.Unmarshal(text, &dashboard)
	}
	if err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile("../../docs/alerts.yaml"); err == nil {
		err = yaml.Unmarshal(text, &alerts)
	}
	if err != nil {
		t.Fatal(err)
	}
	boards, rules := expressions(dashboard), expressions(alerts)
	if len(boards) < 10 || len(rules) < 10 {
		t.Fatalf("%d and %d expressions", len(boards), len(rules))
	}
	return append(boards, rules...)
}

var (
	ownMetric = regexp.MustCompile(`(dispatcher_[a-z_]+)(?:\{([^}]*)\})?`)
	matcher   = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
)

func TestDashboardAndAlertsUseMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.Env["HTTP_LISTEN"] = freeAddress(t)
	id := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.API.AddFault(fakeciso.Fault{
		Method: http.MethodGet, Path: regexp.MustCompile("/iam/auth-tokens/$"), Times: -1, Kind: fakeciso.Status, Code: http.StatusOK,
		Body: fmt.Sprintf(`[{"name":"dispatcher","expiry":"2027-11-01T00:00:00Z","digest":"%x"}]`, sha512.Sum512([]byte("admin-token"))),
	})
	p := w.Start()
	w.Produce(update("foo", "observation", "new"), update("nobody", "observation", "new"), "[]")
	w.Ended(3)
	var text string
	var names scraped
	eventually(t, "the end of the token to be told", func() error {
		if text, names = scrape(t, w.Env["HTTP_LISTEN"]); names["dispatcher_api_token_expiry_timestamp_seconds"] == nil {
			return fmt.Errorf("it is not")
		}
		return nil
	})
	for _, expr := range documented(t) {
		used := ownMetric.FindAllStringSubmatch(expr, -1)
		if len(used) == 0 {
			t.Errorf("no metric in %s", expr)
		}
		for _, u := range used {
			labels, there := names[u[1]]
			if !there {
				t.Errorf("%s is not told: %s", u[1], expr)
			}
			for _, m := range matcher.FindAllStringSubmatch(u[2], -1) {
				if !labels[m[1]] {
					t.Errorf("%s has no label %s: %s", u[1], m[1], expr)
				}
			}
		}
	}
	for _, line := range []string{
		`dispatcher_jobs{state="failed"} 2`, `dispatcher_jobs_finished_total{code="no_match",state="failed",type="update_applied_control"} 1`,
		`dispatcher_jobs_finished_total{code="invalid_message",state="failed",type="unknown"} 1`,
		`dispatcher_step_duration_seconds_count{step="patch",type="update_applied_control"} 1`,
		`dispatcher_api_requests_total{method="PATCH",route="/applied-controls/{id}/",status="200"} 1`, `dispatcher_role{role="active"} 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s is not told", line)
		}
	}
	for _, secret := range []string{"admin-token", id, "observation-0-"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is told", secret)
		}
	}
	p.Stop()
}
