package compose

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
)

// renderEnv returns the .env: one variable a line, and what others had put there.
func (a *Answers) renderEnv(earlier []byte) []byte {
	var b strings.Builder
	b.WriteString("# Secrets of docker-compose.yml. Keep it 0600, and out of version control.\n")
	ours := map[string]bool{}
	for _, q := range Questions() {
		if !q.Secret {
			continue
		}
		ours[q.Env] = true
		if a.used(q.Env) {
			fmt.Fprintf(&b, "%s=%s\n", q.Env, quoteEnv(*q.Text(a)))
		}
	}
	for line := range bytes.Lines(earlier) {
		name, _, found := strings.Cut(string(line), "=")
		if found && !ours[strings.TrimSpace(name)] && !strings.HasPrefix(name, "#") {
			b.WriteString(strings.TrimRight(string(line), "\r\n") + "\n")
		}
	}
	return []byte(b.String())
}

var (
	escapeEnv   = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`)
	unescapeEnv = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\$`, `$`)
)

// quoteEnv writes a value so that compose takes it as it is: single quotes keep
// all but themselves and a backslash before them.
func quoteEnv(v string) string {
	if strings.ContainsAny(v, `'\`) {
		return `"` + escapeEnv.Replace(v) + `"`
	}
	return "'" + v + "'"
}

// parseEnv reads what quoteEnv wrote, and plain values that a person put there.
func parseEnv(env []byte) map[string]string {
	values := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(env))
	for lines.Scan() {
		name, v, found := strings.Cut(strings.TrimSpace(lines.Text()), "=")
		if !found || strings.HasPrefix(name, "#") {
			continue
		}
		switch {
		case len(v) > 1 && v[0] == '\'' && v[len(v)-1] == '\'':
			v = v[1 : len(v)-1]
		case len(v) > 1 && v[0] == '"' && v[len(v)-1] == '"':
			v = unescapeEnv.Replace(v[1 : len(v)-1])
		}
		values[name] = v
	}
	return values
}
