package compose

import (
	"bytes"
	"embed"
	"fmt"
	"path/filepath"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
)

//go:embed templates
var templates embed.FS

// Files is what is written.
type Files struct {
	Compose []byte
	Env     []byte // secrets: 0600
	Steps   string // what is left to do, for people
}

// Render returns the files for answers that [Answers.Check] accepts. earlier is
// the .env that they replace.
func (a *Answers) Render(earlier []byte) (*Files, error) {
	a.Keep(earlier)
	a.generate()
	t, err := template.New("").Funcs(template.FuncMap{"q": quote, "file": hostPath}).ParseFS(templates, "templates/*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("read the templates: %w", err)
	}
	var file, steps bytes.Buffer
	if err := t.ExecuteTemplate(&file, "docker-compose.yml.tmpl", a); err != nil {
		return nil, fmt.Errorf("write docker-compose.yml: %w", err)
	}
	if err := t.ExecuteTemplate(&steps, "steps.txt.tmpl", a); err != nil {
		return nil, fmt.Errorf("write the next steps: %w", err)
	}
	file.WriteByte('\n')
	return &Files{Compose: file.Bytes(), Env: a.renderEnv(earlier), Steps: steps.String()}, nil
}

// quote renders a text as a YAML scalar in which compose replaces nothing.
func quote(text string) (string, error) {
	out, err := yaml.Marshal(&yaml.Node{Kind: yaml.ScalarNode, Style: yaml.DoubleQuotedStyle, Value: strings.ReplaceAll(text, "$", "$$")})
	return strings.TrimSpace(string(out)), err
}

// hostPath renders a mount of a file of the host, read only. Compose takes a
// path for a file only if it begins with a dot or a slash.
func hostPath(path, target string) (string, error) {
	if !filepath.IsAbs(path) {
		path = "./" + filepath.ToSlash(filepath.Clean(path))
	}
	source, err := quote(path)
	return fmt.Sprintf("{type: bind, source: %s, target: %s, read_only: true}", source, target), err
}
