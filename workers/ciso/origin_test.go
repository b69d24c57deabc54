package ciso

import (
	"net/http"
	"testing"
)

// TestAnAddressIsTheWholeTextParsed, however API_URL is written.
func TestAnAddressIsTheWholeTextParsed(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"http://h", "http://h/api", "http://h:/api", "http://[::1]:8000", "https://h/a%2Fb", "http://h/a%20b", "http://h/(x)", "http://h/a;b",
		"http://h/é", "http://h/%c3%a9", "http://h/api?x=1", "http://h/api?", "http://h/api#f", "http://u:p@h/api", "http://H/API",
	} {
		for _, r := range []request{{path: "/x/"}, {path: "/x/a b/", query: "a=1&b=%20"}, {path: "/x/%2F/"}, {path: "/x/a?b/"}} {
			target := base + r.path
			if r.query != "" {
				target += "?" + r.query
			}
			want, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := newOrigin(base).address(r.path, r.query)
			if err != nil {
				t.Errorf("%s: %v", target, err)
				continue
			}
			if got.RequestURI() != want.URL.RequestURI() || got.Host != want.Host || got.String() != want.URL.String() {
				t.Errorf("%s goes to %s, net/http's to %s", target, got, want.URL)
			}
		}
	}
}
