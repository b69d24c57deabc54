package packaging

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dispatcher/internal/cli"
	"dispatcher/jobs"
)

// documents returns every document, by its path in the repository.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range paths {
			name, err := filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			found[name] = string(read(t, name))
		}
	}
	return found
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	noSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the names by which the headings of a document are linked to.
func anchors(document string) (names []string) {
	for _, h := range heading.FindAllStringSubmatch(document, -1) {
		names = append(names, strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return names
}

func TestEveryLinkInADocumentLeadsSomewhere(t *testing.T) {
	t.Parallel()
	documents := documents(t)
	for name, text := range documents {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := name
			if path != "" {
				target = filepath.Join(filepath.Dir(name), path)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: %s: %v", name, m[1], err)
			} else if anchor != "" && !slices.Contains(anchors(documents[target]), anchor) {
				t.Errorf("%s: %s has no heading #%s", name, target, anchor)
			}
		}
	}
}

// help is what a command says of itself.
func help(words ...string) string {
	var out bytes.Buffer
	args := append(append([]string{"dispatcher"}, words...), "--help")
	cli.Main(args, cli.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }})
	return out.String()
}

var (
	commandLine = regexp.MustCompile("(?m)(?:^|[`(/ ])dispatcher((?: --?[a-z][a-z-]*(?:[ =][A-Z./][^ `]*)?)*(?: [a-z][a-z-]*)+[^`\n|#)]*)")
	word        = regexp.MustCompile(`^[a-z][a-z-]+$`)
	flag        = regexp.MustCompile(`(?:^|\s)(--?[a-z][a-z0-9-]*)`)
)

func TestEveryCommandInADocumentExists(t *testing.T) {
	t.Parallel()
	global := help()
	for name, text := range documents(t) {
		text = strings.ReplaceAll(text, "\\\n", " ") // a line that goes on
		for _, line := range codeLines(text) {
			for _, m := range commandLine.FindAllStringSubmatch(line, -1) {
				checkCommand(t, name, m[1], global)
			}
		}
	}
}

// codeLines returns what a document shows as code: between backquotes and in blocks.
func codeLines(text string) (lines []string) {
	block := false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "```"):
			block = !block
		case block, strings.HasPrefix(line, "    "):
			lines = append(lines, line)
		default:
			for i, part := range strings.Split(line, "`") {
				if i%2 == 1 {
					lines = append(lines, part)
				}
			}
		}
	}
	return lines
}

func checkCommand(t *testing.T, document, line, global string) {
	t.Helper()
	var path []string
	known := global
	for _, w := range strings.Fields(line) {
		if !word.MatchString(w) {
			continue
		}
		if !regexp.MustCompile(`(?m)^   ` + w + `(,| |$)`).MatchString(known) {
			if len(path) == 0 {
				t.Errorf("%s: dispatcher%s: there is no command %s", document, line, w)
			}
			break // an argument, or a flag's value
		}
		path = append(path, w)
		known = help(path...)
	}
	for _, m := range flag.FindAllStringSubmatch(line, -1) {
		if !strings.Contains(known, m[1]+" ") && !strings.Contains(known, m[1]+",") && !strings.Contains(global, m[1]+" ") && m[1] != "--help" {
			t.Errorf("%s: dispatcher%s: there is no flag %s", document, line, m[1])
		}
	}
}

func TestEveryMakeTargetInADocumentExists(t *testing.T) {
	t.Parallel()
	makefile := "\n" + string(read(t, "Makefile"))
	mention := regexp.MustCompile(`(?m)(?:^|sudo )\s*make ([a-z][a-z-]+)`)
	for name, text := range documents(t) {
		for _, line := range codeLines(text) {
			for _, m := range mention.FindAllStringSubmatch(line, -1) {
				if !strings.Contains(makefile, "\n"+m[1]+":") {
					t.Errorf("%s: there is no target %s", name, m[1])
				}
			}
		}
	}
}

// TestOperatingHasASectionForEachAlertHoldAndCode: and none for what is not there.
func TestOperatingHasASectionForEachAlertHoldAndCode(t *testing.T) {
	t.Parallel()
	var wanted []string
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(read(t, "docs/alerts.yaml")), -1) {
		wanted = append(wanted, m[1])
	}
	for _, reason := range jobs.Holds() {
		wanted = append(wanted, string(reason))
		if reason.Remedy() == "" {
			t.Errorf("%s has no remedy", reason)
		}
	}
	for _, code := range jobs.Codes() {
		wanted = append(wanted, string(code))
		if code.Remedy() == "" {
			t.Errorf("%s has no remedy", code)
		}
	}
	var there []string
	for _, m := range regexp.MustCompile("(?m)^### `(.+)`$").FindAllStringSubmatch(string(read(t, "docs/operating.md")), -1) {
		there = append(there, m[1])
	}
	if !slices.Equal(there, wanted) {
		t.Errorf("sections\n%v\ninstead of\n%v", there, wanted)
	}
}
