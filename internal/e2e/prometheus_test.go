package e2e

import (
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"dispatcher/internal/fakeciso"
	"dispatcher/internal/stage"
)

// program returns the path of a program of the Debian package prometheus.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("REAL") == "require" {
		t.Fatalf("%s is missing: install the package prometheus", name)
	}
	t.Skipf("SKIPPED: %s is missing: install the package prometheus", name)
	return ""
}

func TestEachAlertFiresAndIsQuiet(t *testing.T) {
	t.Parallel()
	var rules struct {
		Groups []struct{ Rules []struct{ Alert string } }
	}
	var tests struct{ Tests []struct{ Name string } }
	for path, into := range map[string]any{"../../docs/alerts.yaml": &rules, "testdata/alerts_test.yaml": &tests} {
		text, err := os.ReadFile(path)
		if err == nil {
			err = yaml.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	tested := map[string]bool{}
	for _, one := range tests.Tests {
		tested[one.Name] = true
	}
	for _, rule := range rules.Groups[0].Rules {
		if !tested[rule.Alert+" fires"] || !tested[rule.Alert+" is quiet"] {
			t.Errorf("%s is not tested both ways", rule.Alert)
		}
	}
	promtool := program(t, "promtool")
	for _, args := range [][]string{{"check", "rules", "../../docs/alerts.yaml"}, {"test", "rules", "testdata/alerts_test.yaml"}} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
}

// prometheus is a real one that scrapes a dispatcher every half second.
type prometheus struct {
	t       *testing.T
	address string
}

func startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	path := program(t, "prometheus")
	dir := t.TempDir()
	rules, err := filepath.Abs("../../docs/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("global: {scrape_interval: 500ms, scrape_timeout: 400ms, evaluation_interval: 500ms}\nrule_files: [%q]\n"+
		"scrape_configs: [{job_name: dispatcher, static_configs: [{targets: [%q]}]}]\n", rules, target)
	file := filepath.Join(dir, "prometheus.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &prometheus{t: t, address: freeAddress(t)}
	server, err := stage.Start(stage.Command{Path: path, Dir: dir, Args: []string{
		"--config.file=" + file, "--storage.tsdb.path=" + dir, "--web.listen-address=" + p.address, "--log.level=warn",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Kill()
		if t.Failed() {
			t.Log(server.Log)
		}
	})
	return p
}

// ask asks its HTTP API.
func (p *prometheus) ask(path string, into any) error {
	resp, err := http.Get("http://" + p.address + "/api/v1/" + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d: %s %w", resp.StatusCode, body, err)
	}
	return json.Unmarshal(body, into)
}

// results counts the series of an expression.
func (p *prometheus) results(expr string) (n int, err error) {
	var answer struct {
		Data struct{ Result []json.RawMessage }
	}
	err = p.ask("query?query="+url.QueryEscape(expr), &answer)
	return len(answer.Data.Result), err
}

// states returns the state of each alert, and the first that is not well.
func (p *prometheus) states() (states map[string]string, err error) {
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, State, Health, LastError string }
			}
		}
	}
	if err := p.ask("rules", &answer); err != nil || len(answer.Data.Groups) == 0 {
		return nil, fmt.Errorf("no rules: %w", err)
	}
	states = make(map[string]string)
	for _, rule := range answer.Data.Groups[0].Rules {
		if states[rule.Name] = rule.State; rule.Health != "ok" {
			err = fmt.Errorf("%s is %s: %s", rule.Name, rule.Health, rule.LastError)
		}
	}
	return states, err
}

func TestDashboardAndAlertsAreEvaluatedOnARealScrape(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.Env["HTTP_LISTEN"] = freeAddress(t)
	prom := startPrometheus(t, w.Env["HTTP_LISTEN"])
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.API.AddFault(fakeciso.Fault{
		Method: http.MethodGet, Path: regexp.MustCompile("/iam/auth-tokens/$"), Times: -1, Kind: fakeciso.Status, Code: http.StatusOK,
		Body: fmt.Sprintf(`[{"name":"dispatcher","expiry":"2027-11-01T00:00:00Z","digest":"%x"}]`, sha512.Sum512([]byte("admin-token"))),
	})
	p := w.Start()
	n := 0
	work := func() {
		w.Produce(update("foo", "observation", fmt.Sprint("new", n)), update(fmt.Sprint("nobody", n), "observation", "new"))
		n += 2
		w.Ended(n)
	}
	work()
	variables := strings.NewReplacer("$job", "dispatcher", "$__rate_interval", "1m")
	for _, expr := range documented(t) {
		if strings.Contains(expr, "> 0") && strings.Contains(expr, "hold") || !strings.Contains(expr, "$job") {
			continue // empty as long as all is well; alerts are looked at below
		}
		eventually(t, "series of "+expr, func() error {
			found, err := prom.results(variables.Replace(expr))
			if err == nil && found == 0 {
				work() // rates need events between two scrapes
				err = fmt.Errorf("there are none")
			}
			return err
		})
	}
	quiet := func() error {
		states, err := prom.states()
		for name, state := range states {
			if state != "inactive" && name != "DispatcherJobsFail" { // they do
				err = fmt.Errorf("%s is %s", name, state)
			}
		}
		return err
	}
	eventually(t, "alerts to be quiet", quiet)
	w.must("jobs", "pause")
	if err := w.API.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the hold to be noticed", func() error {
		states, err := prom.states()
		if err == nil && states["DispatcherPaused"] != "pending" {
			err = fmt.Errorf("%v", states)
		}
		return err
	})
	p.Stop()
	eventually(t, "nobody to be noticed", func() error {
		states, err := prom.states()
		if err == nil && states["DispatcherAbsent"] != "pending" {
			err = fmt.Errorf("%v", states)
		}
		return err
	})
}
