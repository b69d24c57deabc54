package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// row renders a setting as the README's table has it.
func row(s Setting) string {
	shown := "–"
	switch {
	case s.Key == "rest.url":
		shown = "required"
	case s.Key == "kafka.security_protocol":
		shown = "`PLAINTEXT`, with `use_auth` `SASL_PLAINTEXT`"
	case s.Default != "":
		shown = "`" + s.Default + "`"
	}
	secret := ""
	if s.Secret {
		secret = " (secret)"
	}
	return fmt.Sprintf("| `%s` | `%s` | %s | %s%s |\n", s.Key, strings.Join(s.Env, "`, `"), shown, s.Doc, secret)
}

func TestTheTableOfTheReadmeIsTheTableOfTheSettings(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "| file key (dots: nesting) | variable | default | meaning |\n|---|---|---|---|\n")
	table, _, _ := strings.Cut(rest, "\n\n")
	if !found {
		t.Fatal("the README has no table of settings")
	}
	got := strings.SplitAfter(table+"\n", "\n")
	for i, s := range Settings() {
		if want := row(s); i >= len(got) || got[i] != want {
			t.Errorf("the README's row of %s is not\n%s", s.Key, want)
		}
	}
	if rows := len(got) - 1; rows != len(Settings()) {
		t.Errorf("the README has %d rows, there are %d settings", rows, len(Settings()))
	}
}
