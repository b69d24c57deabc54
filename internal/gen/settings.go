package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"dispatcher/config"
)

const settingsHead = "| file key (dots: nesting) | variable | default | meaning |\n|---|---|---|---|\n"

// withSettings replaces the rows of the README's table of settings.
func withSettings(readme []byte) ([]byte, error) {
	before, rest, found := bytes.Cut(readme, []byte(settingsHead))
	if !found {
		return nil, errors.New("README.md has no table of settings")
	}
	_, after, found := bytes.Cut(rest, []byte("\n\n"))
	if !found {
		return nil, errors.New("README.md: the table of settings does not end")
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString(settingsHead)
	for _, s := range config.Settings() {
		b.WriteString(settingsRow(s))
	}
	b.WriteByte('\n')
	b.Write(after)
	return b.Bytes(), nil
}

func settingsRow(s config.Setting) string {
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
