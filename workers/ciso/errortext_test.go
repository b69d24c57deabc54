package ciso

import (
	"net/http"
	"strings"
	"testing"
)

func TestEveryShapeOfErrorBecomesOneReadableLine(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"priority":["\"P1\" is not a valid choice."]}`:                    `priority: "P1" is not a valid choice.`,
		`{"name":"foo is already used in this scope."}`:                     `name: foo is already used in this scope.`,
		`["UNIQUE constraint failed"]`:                                      `UNIQUE constraint failed`,
		`{"non_field_errors":["locked"]}`:                                   `locked`,
		`{"detail":"Not found."}`:                                           `Not found.`,
		`{"error":"field not editable: x"}`:                                 `field not editable: x`,
		`{"status":400,"errors":[{"message":"no","code":"c","param":"p"}]}`: `code: c; no; param: p; status: 400`,
		`{"cost":{"build":{"fixed_cost":["bad"]}}}`:                         `cost.build.fixed_cost: bad`,
		`{"a":["x\ny"],"b":["z"]}`:                                          `a: x y; b: z`,
		``:                                                                  ``, `null`: ``, `{`: ``,
	} {
		a := &answer{status: 400, header: http.Header{"Content-Type": {"application/json"}}, body: []byte(body)}
		if got := errorText(a); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
	html := &answer{header: http.Header{"Content-Type": {"text/html"}}, body: []byte("<html>secret page</html>")}
	if got := errorText(html); got != "" {
		t.Errorf("HTML gives %q", got)
	}
}

func FuzzErrorText(f *testing.F) {
	for _, seed := range []string{`{"a":["b"]}`, `[[[1]]]`, `{"detail":null}`, "\xff", `"x"`, strings.Repeat("[", 100)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a := &answer{header: http.Header{"Content-Type": {"application/json"}}, body: body}
		if got := errorText(a); strings.ContainsAny(got, "\n\r") || len([]rune(got)) > maxErrorText {
			t.Errorf("%q", got)
		}
	})
}
