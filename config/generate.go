package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Generate renders a configuration file with the given values by key: what the
// environment gives, or what the wizard was told. Keys that are always there
// make the file a form to fill in.
func Generate(values map[string]string) []byte {
	shown := map[string]string{
		"rest.url": "https://localhost:8443", "rest.verify_certificate": "true",
		"credentials.email": "", "credentials.password": "",
	}
	for key, value := range values {
		shown[key] = value
	}
	if shown["credentials.token"] != "" {
		for _, key := range []string{"credentials.email", "credentials.password"} {
			if shown[key] == "" {
				delete(shown, key)
			}
		}
	}
	var b strings.Builder
	b.WriteString("# Configuration of the CISO Assistant dispatcher. It may hold secrets: keep it 0600.\n")
	b.WriteString("# Environment variables and flags win over this file.\n")
	group := ""
	for _, s := range Settings() {
		value, ok := shown[s.Key]
		if !ok {
			continue
		}
		name := s.Key
		if g, rest, nested := strings.Cut(s.Key, "."); nested {
			if g != group {
				fmt.Fprintf(&b, "%s:\n", g)
			}
			group, name = g, "  "+rest
		} else {
			group = ""
		}
		fmt.Fprintf(&b, "%s: %s # %s\n", name, quote(value), s.Doc)
	}
	return []byte(b.String())
}

// quote renders a value as a YAML scalar.
func quote(value string) string {
	switch strings.ToLower(value) {
	case "true", "false":
		return strings.ToLower(value)
	}
	out, err := yaml.Marshal(&yaml.Node{Kind: yaml.ScalarNode, Style: yaml.DoubleQuotedStyle, Value: value})
	if err != nil {
		return `""`
	}
	return strings.TrimSpace(string(out))
}

// FromEnvironment returns every setting that the environment gives, by key.
// Secrets are the values themselves; those in files stay there, by reference.
func FromEnvironment(getenv func(string) string) map[string]string {
	values := make(map[string]string)
	for _, s := range Settings() {
		for _, name := range s.Env {
			if v := strings.TrimSpace(getenv(name)); v != "" && values[s.Key] == "" {
				values[s.Key] = v
			}
		}
	}
	return values
}
