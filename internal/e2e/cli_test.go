package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
)

func TestAWrongSettingEndsWithOneLineBeforeAnythingIsStarted(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		says string
	}{
		"no address":      {env: map[string]string{"API_URL": ""}, args: []string{"run"}, says: "API_URL"},
		"bad number":      {env: map[string]string{"CONCURRENCY": "many"}, args: []string{"consume"}, says: "whole number"},
		"same topics":     {env: map[string]string{"ERRORS_TOPIC": "observation"}, args: []string{"run"}, says: "ERRORS_TOPIC"},
		"unknown command": {args: []string{"rnu"}, says: `did you mean "run"?`},
		"unknown flag":    {args: []string{"run", "--fast"}, says: "--fast; see dispatcher run --help"},
		"bad flag value":  {args: []string{"jobs", "list", "--limit", "x"}, says: "flag --limit"},
		"version of what": {args: []string{"version", "x"}, says: "takes no argument"},
		"config nowhere":  {args: []string{"init-config", "-y", "--config", "/no/such/dir/x.yaml"}, says: "write /no/such/dir/x.yaml: no such file or directory; name"},
		"bad sampler":     {env: map[string]string{"OTEL_TRACES_SAMPLER": "bogus"}, args: []string{"run"}, says: "always_on"},
		"argument":        {args: []string{"run", "now"}, says: "takes no argument"},
		"no data":         {env: map[string]string{"DATA_DIR": "/no/such/dir"}, args: []string{"jobs", "list"}, says: "--data-dir"},
		"retry nothing":   {args: []string{"jobs", "retry"}, says: "--all"},
		"bad state":       {args: []string{"jobs", "list", "--state", "done"}, says: "succeeded"},
		"bad time":        {args: []string{"jobs", "list", "--since", "yesterday"}, says: "24h"},
		"bad duration":    {args: []string{"jobs", "cancel", "--since", "-5h"}, says: "24h"},
		"bad code":        {args: []string{"jobs", "cancel", "--code", "nope"}, says: "no_match"},
		"bad type":        {args: []string{"jobs", "pause", "--type", "nope"}, says: "upload_attachment"},
		"cancel nothing":  {args: []string{"jobs", "cancel"}, says: "--all"},
		"cancel too much": {args: []string{"jobs", "cancel", "observation-0-1", "--all"}, says: "one of them"},
		"submit nothing":  {args: []string{"jobs", "submit"}, says: "standard input"},
		"submit no file":  {args: []string{"jobs", "submit", "/no/such.json"}, says: "/no/such.json"},
		"replay what":     {args: []string{"jobs", "replay"}, says: "--from-errors"},
		"watch nothing":   {env: map[string]string{"DATA_DIR": "/no/such/dir"}, args: []string{"jobs", "watch"}, says: "--data-dir"},
		"results topic":   {env: map[string]string{"RESULTS_TOPIC": "errors"}, args: []string{"run"}, says: "another topic"},
		"bad shell":       {args: []string{"completion", "tcsh"}, says: "bash, zsh or fish"},
		"auth: no e-mail": {args: []string{"auth"}, says: "USER_EMAIL"},
		"no config file":  {args: []string{"--config", "/no/such.yaml", "run"}, says: "/no/such.yaml: cannot be read: no such file or directory; name one"},
		"data not ours":   {env: map[string]string{"DATA_DIR": "/proc/x"}, args: []string{"run"}, says: "data directory"},
	} {
		stdout, stderr, code := w.RunWith(c.env, "", c.args...)
		if code != 2 || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "dispatcher: ") || stdout != "" {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", name, code, stdout, stderr)
		}
	}
	// A container's health check knows 0 and 1 only.
	if _, stderr, code := w.Run("health"); code != 1 || !strings.Contains(stderr, "set HTTP_LISTEN") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("health, off: exit %d, %q", code, stderr)
	}
}

func TestCommandsThatNeedNothingWork(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	for _, args := range [][]string{{"version"}, {"--help"}, {"jobs", "--help"}, {"run", "--help"}, {"completion", "bash"}, {"completion", "zsh"}, {"completion", "fish"}, {}} {
		stdout, stderr, code := w.Run(args...)
		if code != 0 || stdout == "" {
			t.Errorf("%v: exit %d: %s", args, code, stderr)
		}
	}
}

func TestInitConfigWritesAFileThatRunReads(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	if _, stderr, code := w.Run("init-config"); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	path := filepath.Join(w.Dir, ".dispatcher_config.yaml")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	if _, stderr, code := w.Run("init-config"); code != 2 || !strings.Contains(stderr, "--yes") {
		t.Errorf("replacing without a word: exit %d: %s", code, stderr)
	}
	if _, _, code := w.Run("init-config", "-y"); code != 0 {
		t.Errorf("exit %d", code)
	}
	for _, name := range []string{"API_URL", "USER_TOKEN", "BOOTSTRAP_SERVERS"} {
		w.Env[name] = "" // from the file now
	}
	w.Start()
	w.Produce(update("foo", "status", "active"))
	w.Ended(1)
}

func TestAuthStoresATokenThatRunUses(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{Users: []fakeciso.User{{Email: "u@x", Password: "pass-canary", Role: fakeciso.Admin}}})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Env["USER_TOKEN"] = ""
	p := w.Start()
	p.Says("no credentials")
	if _, stderr, code := w.Run("auth", "--email", "u@x", "--password", "wrong-canary"); code != 1 || strings.Contains(stderr, "canary") {
		t.Errorf("wrong password: exit %d: %s", code, stderr)
	}
	if _, stderr, code := w.Run("auth", "--email", "u@x", "--password", "pass-canary"); code != 0 || strings.Contains(stderr, "canary") {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	w.Produce(update("foo", "status", "active"))
	w.Ended(1) // a running process takes it up by itself
}

func TestFailedJobsAreFoundShownAndRetriedFromWhereTheyFailed(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	p := w.Start()
	for i := range 3 {
		w.Produce(update(fmt.Sprint("late", i), "status", "active"))
	}
	w.Ended(3)
	for i := range 3 {
		w.API.AddControl(map[string]any{"ref_id": fmt.Sprint("late", i), "name": fmt.Sprint(i)})
	}
	for _, offline := range []bool{false, true} {
		if offline {
			p.Stop()
		}
		stdout, stderr, code := w.Run("jobs", "show", "observation-0-0", "--payload", "--json")
		var job struct {
			State      string
			Attempts   int
			AttemptLog []any `json:"attempt_log"`
			Message    map[string]any
			Error      map[string]any
		}
		if code != 0 || json.Unmarshal([]byte(stdout), &job) != nil || job.State != "failed" || job.Message["message_type"] != "update_applied_control" || len(job.AttemptLog) != 1 {
			t.Errorf("show (offline %v): exit %d: %s%s", offline, code, stdout, stderr)
		}
		table, _, code := w.Run("jobs", "list", "--code", "no_match")
		if code != 0 || strings.Count(table, "no_match") != 3 || !strings.Contains(table, "observation-0-2") {
			t.Errorf("list: exit %d: %s", code, table)
		}
		if _, stderr, code := w.Run("jobs", "show", "observation-9-9"); code != 3 || !strings.Contains(stderr, "no such job") {
			t.Errorf("unknown id: exit %d: %s", code, stderr)
		}
		if _, _, code := w.Run("jobs", "retry", "--code", "rejected", "--yes"); code != 3 {
			t.Errorf("nothing matches: exit %d", code)
		}
		if _, stderr, code := w.Run("jobs", "retry", "--all"); code != 2 || !strings.Contains(stderr, "--yes") {
			t.Errorf("retry of many without a word: exit %d: %s", code, stderr)
		}
		stdout, _, code = w.Run("jobs", "retry", "--all", "--dry-run", "--json")
		if code != 0 || !strings.Contains(stdout, `"matched":3,"changed":0`) {
			t.Errorf("dry run: exit %d: %s", code, stdout)
		}
	}
	stdout, _, code := w.Run("jobs", "retry", "observation-0-1", "--reason", "made the control", "--json")
	if code != 0 || !strings.Contains(stdout, `"changed":1`) {
		t.Errorf("retry offline: exit %d: %s", code, stdout)
	}
	w.Start()
	stdout, stderr, code := w.Run("jobs", "retry", "--state", "failed", "--yes", "--json")
	for code == 1 { // it is still starting
		stdout, stderr, code = w.Run("jobs", "retry", "--state", "failed", "--yes", "--json")
	}
	if code != 0 || !strings.Contains(stdout, `"changed":2`) {
		t.Errorf("retry: exit %d: %s%s", code, stdout, stderr)
	}
	eventually(t, "the retried jobs", func() error {
		for id, job := range w.Jobs() {
			if job["state"] != "succeeded" {
				return fmt.Errorf("%s: %v", id, job["state"])
			}
		}
		return nil
	})
	stdout, _, _ = w.Run("jobs", "show", "observation-0-1")
	if !strings.Contains(stdout, "made the control") || !strings.Contains(stdout, "succeeded") {
		t.Errorf("show: %s", stdout)
	}
}

func TestHealthAndReadinessTellWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.Env["HTTP_LISTEN"] = "127.0.0.1:0"
	l := freeAddress(t)
	w.Env["HTTP_LISTEN"] = l
	if _, stderr, code := w.Run("health"); code != 1 || !strings.Contains(stderr, "no answer") {
		t.Errorf("nobody there: exit %d: %s", code, stderr)
	}
	w.Start()
	ready := func() (int, string) {
		resp, err := http.Get("http://" + l + "/readyz")
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		var b bytes.Buffer
		_, _ = b.ReadFrom(resp.Body)
		return resp.StatusCode, b.String()
	}
	eventually(t, "readiness", func() error {
		if code, body := ready(); code != 200 || !strings.Contains(body, `"role":"active"`) {
			return fmt.Errorf("%d %s", code, body)
		}
		return nil
	})
	if stdout, stderr, code := w.Run("health"); code != 0 || stdout != "ok\n" {
		t.Errorf("health: exit %d: %s%s", code, stdout, stderr)
	}
	w.API.Down(true)
	w.Produce(update("x", "status", "active"))
	eventually(t, "unreadiness", func() error {
		if code, body := ready(); code != 503 || !strings.Contains(body, "502") {
			return fmt.Errorf("%d %s", code, body)
		}
		return nil
	})
	if _, _, code := w.Run("health"); code != 0 {
		t.Errorf("an outage of the API makes the process unhealthy: exit %d", code)
	}
}

func TestASecondProcessOnTheDataDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.Start().Says("active: working")
	if _, stderr, code := w.Run("run"); code != 2 || !strings.Contains(stderr, "in use") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// TestSecretsAreNowhere plants canaries in every secret and looks for them in
// everything that the dispatcher writes.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{Users: []fakeciso.User{{Email: "u@x", Token: "canary-token", Role: fakeciso.Admin}}})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Env["USER_TOKEN"], w.Env["USER_PASSWORD"] = "canary-token", "canary-password"
	w.Env["S3_ACCESS_KEY"], w.Env["S3_SECRET_KEY"] = "canary-access", "canary-secret"
	p := w.Start("DEBUG=true")
	w.Produce(
		update("foo", "status", "active"), update("foo", "priority", "P9"), "not json",
		`{"message_type":"upload_attachment","values":{"file_name":"a.txt","file_s3_url":"`+w.S3.URL+`/bucket/a.txt?X-Amz-Signature=query-c4nary"}}`,
		`{"message_type":"upload_attachment","values":{"file_s3_bucket":"bucket","file_s3_key":"a.txt"}}`,
	)
	w.Ended(4)
	p.Says("s3_down") // the access key is refused
	w.API.SetToken("another")
	w.Produce(update("foo", "status", "to_do"))
	p.Says("set USER_TOKEN to a new one")
	all, _, _ := w.Run("jobs", "list", "--json", "--limit", "0")
	for i := range 6 {
		shown, _, _ := w.Run("jobs", "show", fmt.Sprint("observation-0-", i), "--json")
		all += shown
	}
	stats, _, _ := w.Run("jobs", "stats", "--json")
	all += stats + p.log.String()
	for _, r := range w.records("errors") {
		if !strings.Contains(string(r.Value), "query-c4nary") { // there the message is given back as it came
			all += string(r.Value) + fmt.Sprint(r.Headers)
		}
	}
	p.Stop()
	err := filepath.WalkDir(w.Env["DATA_DIR"], func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte("canary-")) {
			t.Errorf("a secret is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(all) {
		if strings.Contains(line, "canary-") || strings.Contains(line, "query-c4nary") {
			t.Errorf("a secret is shown: %s", line)
		}
	}
}
