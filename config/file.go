package config

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/agnivade/levenshtein"
	"go.yaml.in/yaml/v3"
)

// fileValues are the settings of a configuration file.
type fileValues struct {
	values   map[string]given
	problems []string
	single   map[string]bool // keys of which no list is taken
}

// parseFile reads YAML strictly: unknown and repeated keys are problems that
// name their line.
func parseFile(path string, content []byte) *fileValues {
	f := &fileValues{values: make(map[string]given), single: make(map[string]bool)}
	var root yaml.Node
	d := yaml.NewDecoder(strings.NewReader(string(content)))
	if err := d.Decode(&root); err != nil {
		if !errors.Is(err, io.EOF) {
			f.problems = append(f.problems, fmt.Sprintf("configuration file %s: not valid YAML: %s", path, oneLine(err.Error())))
		}
		return f
	}
	known := make(map[string]bool)
	for _, s := range Settings() {
		known[s.Key] = true
		if s.Secret {
			known[s.Key+"_file"], f.single[s.Key] = true, true
		}
	}
	if len(root.Content) > 0 {
		f.walk(path, "", root.Content[0], known)
	}
	return f
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (f *fileValues) walk(path, prefix string, node *yaml.Node, known map[string]bool) {
	if node.Kind == yaml.AliasNode {
		f.problem(path, node.Line, "aliases are not supported; write the value")
		return
	}
	if node.Kind != yaml.MappingNode {
		if node.Tag != "!!null" {
			f.problem(path, node.Line, "settings expected here, such as rest: {url: …}")
		}
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		key := strings.TrimPrefix(prefix+"."+name.Value, ".")
		switch {
		case known[key]:
			f.take(path, key, name, value)
		case isGroup(key, known):
			f.walk(path, key, value, known)
		default:
			f.problem(path, name.Line, fmt.Sprintf("unknown key %q%s", key, nearest(key, known)))
		}
	}
}

func (f *fileValues) take(path, key string, name, value *yaml.Node) {
	if _, twice := f.values[key]; twice {
		f.problem(path, name.Line, fmt.Sprintf("key %q is given twice", key))
		return
	}
	var text string
	switch {
	case value.Kind == yaml.ScalarNode && value.Tag == "!!null":
		return
	case value.Kind == yaml.ScalarNode:
		text = strings.TrimSpace(value.Value)
	case value.Kind == yaml.SequenceNode && !f.single[key]:
		var parts []string
		for _, item := range value.Content {
			parts = append(parts, item.Value)
		}
		text = strings.Join(parts, ",")
	default:
		f.problem(path, value.Line, fmt.Sprintf("key %q: %s expected", key, f.shape(key)))
		return
	}
	if text != "" {
		f.values[key] = given{value: text, from: fmt.Sprintf("%s (%s:%d)", key, path, value.Line)}
	}
}

func (f *fileValues) shape(key string) string {
	if f.single[key] {
		return "a single value"
	}
	return "a single value or a list"
}

func (f *fileValues) problem(path string, line int, what string) {
	f.problems = append(f.problems, fmt.Sprintf("configuration file %s:%d: %s", path, line, what))
}

func (f *fileValues) hasSecrets() bool {
	for _, s := range Settings() {
		if _, ok := f.values[s.Key]; ok && s.Secret {
			return true
		}
	}
	return false
}

func isGroup(key string, known map[string]bool) bool {
	for k := range known {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
}

func nearest(key string, known map[string]bool) string {
	best, distance := "", max(3, len(key)/2)
	for k := range known {
		d := levenshtein.ComputeDistance(key, k)
		if d < distance || d == distance && best != "" && k < best {
			best, distance = k, d
		}
	}
	if best == "" {
		return "; see the settings reference"
	}
	return fmt.Sprintf(", did you mean %q?", best)
}
