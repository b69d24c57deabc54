package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
)

func TestInitComposeWritesFilesWithoutSecretsInTheYAML(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	env := map[string]string{"BOOTSTRAP_SERVERS": "", "S3_URL": "", "USER_TOKEN": "canary-token"}
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join(w.Dir, name))
		if err != nil {
			t.Error(err)
		}
		return string(content)
	}
	stdout, stderr, code := w.RunWith(env, "", "init-compose", "--db", "postgresql", "--with-s3")
	if code != 0 || !strings.Contains(stdout, "docker compose up -d") || !strings.Contains(stderr, "wrote docker-compose.yml and .env") {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	if info, err := os.Stat(filepath.Join(w.Dir, ".env")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	first := read(".env")
	if !strings.Contains(first, "USER_TOKEN='canary-token'") || strings.Contains(read("docker-compose.yml"), "canary") {
		t.Errorf("the token is not where it belongs: %s", first)
	}
	if _, stderr, code := w.RunWith(env, "", "init-compose"); code != 2 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--yes") {
		t.Errorf("replacing without a word: exit %d: %s", code, stderr)
	}
	if _, stderr, code := w.RunWith(env, "", "init-compose", "-y", "--db", "postgresql", "--with-s3"); code != 0 || read(".env") != first {
		t.Errorf("a database that is there keeps its password: exit %d: %s", code, stderr)
	}
	if _, stderr, code := w.RunWith(env, "", "init-compose", "-y", "--proxy", "nginx"); code != 2 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "caddy") {
		t.Errorf("no such proxy: exit %d: %s", code, stderr)
	}
}
