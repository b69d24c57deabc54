package packaging

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sources returns all Go code of the product, tests left out.
func sources(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			content, err := os.ReadFile(path)
			b.Write(content)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWhatTheTroubleshootingPageQuotesIsSaid(t *testing.T) {
	t.Parallel()
	code := sources(t)
	quoted := 0
	for line := range strings.Lines(string(read(t, "docs/troubleshooting.md"))) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		seen := strings.Split(line, "|")[1]
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(seen, -1) {
			if strings.HasPrefix(m[1], "dispatcher ") {
				continue // a command
			}
			quoted++
			if !strings.Contains(code, m[1]) {
				t.Errorf("nothing says %q", m[1])
			}
		}
	}
	if quoted < 20 {
		t.Errorf("only %d quotations were found", quoted)
	}
}
