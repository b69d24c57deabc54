package ciso

import (
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
)

func TestFoldersByIDNameAndPath(t *testing.T) {
	t.Parallel()
	server, c := fake(t, fakeciso.Config{})
	a := server.AddFolder("a", "")
	b := server.AddFolder("b", a)
	slash := server.AddFolder("x/y", "")
	other := server.AddFolder("other", "")
	server.AddFolder("twin", a)
	twin := server.AddFolder("twin", other)
	for given, want := range map[string]string{
		b: b, "a": a, "b": b, " b ": b, "global/a/b": b, "Global/a/b": b, "/a/b/": b, "a/b": b, "x/y": slash, "global": server.Root(), "Global": server.Root(),
		"other/twin": twin, "global/other/twin": twin,
	} {
		if got, err := c.Folder(t.Context(), given); got != want || err != nil {
			t.Errorf("folder %q: %s %v, want %s", given, got, err, want)
		}
	}
	for _, given := range []string{"A", "nothing", "b/a", "global/b", "global/global", "a//b", "global/a/b/c", "/", ""} {
		_, err := c.Folder(t.Context(), given)
		wantVerdict(t, err, "no_match")
	}
	_, err := c.Folder(t.Context(), "twin")
	wantVerdict(t, err, "invalid_selector")
	for _, text := range []string{"global/a/twin", "global/other/twin", twin} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not name %s", err, text)
		}
	}
}

func TestPathsBelowAnInvisibleRoot(t *testing.T) {
	t.Parallel()
	list := []folder{{id: "1", name: "a", parent: "0"}, {id: "2", name: "b", parent: "1"}}
	for given, want := range map[string]int{"global/a/b": 1, "a/b": 1, "global/a": 1, "a": 1, "global/b": 0, "x/a": 0, "global": 0} {
		if got := findFolders(list, given); len(got) != want {
			t.Errorf("%s: %v", given, got)
		}
	}
}

func TestANewFolderIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	clock := newClock()
	server, c := fake(t, fakeciso.Config{})
	c.cfg.Clock = clock.now
	if _, err := c.Folder(t.Context(), "global"); err != nil {
		t.Fatal(err)
	}
	id := server.AddFolder("new", "")
	clock.advance(2_000_000_000)
	if got, err := c.Folder(t.Context(), "new"); got != id || err != nil {
		t.Errorf("%s %v", got, err)
	}
}

func FuzzFolderPath(f *testing.F) {
	f.Add("a/b", "global/a/b")
	f.Fuzz(func(t *testing.T, name, given string) {
		list := []folder{{id: "0", name: "Global", root: true}, {id: "1", name: name, parent: "0"}, {id: "2", name: "b", parent: "1"}, {id: "3", name: "c", parent: "3"}}
		for _, found := range findFolders(list, given) {
			if !strings.Contains(given, found.name) && !found.root {
				t.Errorf("%q found %v", given, found)
			}
		}
		_ = path(list, list[3])
	})
}
