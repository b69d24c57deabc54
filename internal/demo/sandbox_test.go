package main

import (
	"strings"
	"testing"

	"dispatcher/config"
)

// TestTheSandboxAllowsWhatItsDocumentsShow: the page on its usual port, and workers
// that come in from other hosts.
func TestTheSandboxAllowsWhatItsDocumentsShow(t *testing.T) {
	t.Parallel()
	s := &stage{dir: t.TempDir()}
	t.Cleanup(s.close)
	if err := s.standIns(t.Context()); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"LISTEN": "127.0.0.1:4222", "CONCURRENCY": "0"}
	for line := range strings.Lines(s.exports()) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if !ok {
			t.Fatalf("not a variable: %q", line)
		}
		env[name] = strings.Trim(value, "'")
	}
	cfg, err := config.Load(config.LoadOptions{Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(config.ForRun); err != nil {
		t.Error(err)
	}
	if cfg.HTTPListen != "127.0.0.1:8642" {
		t.Errorf("http_listen is %q, the documents say 127.0.0.1:8642", cfg.HTTPListen)
	}
}
