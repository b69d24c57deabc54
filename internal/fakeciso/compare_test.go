package fakeciso

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Values that no two servers share are compared by type only.
var unlike = map[string]bool{
	"created_at": true, "updated_at": true, "at": true, "expiry": true, "date_joined": true, "actor_id": true, "all_actor_ids": true,
	"build": true, "diskSpace": true, "diskUsed": true, "first_name": true, "last_name": true,
}

var (
	redacted = regexp.MustCompile(`^<(\d+) characters, redacted>$`)
	cutList  = regexp.MustCompile(`^… (\d+)$`)
	instant  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`)
	random   = regexp.MustCompile(`_[0-9A-Za-z]{7}(\.\w+)?$`)
)

// compare returns the first difference between an answer and the recorded one,
// either way: fields, types and values.
func (l *lab) compare(path string, got, want any) string {
	switch w := want.(type) {
	case map[string]any:
		return l.compareObjects(path, got, w)
	case []any:
		return l.compareLists(path, got, w)
	case string:
		g, ok := got.(string)
		if !ok {
			return fmt.Sprintf("%s is %v (%T), want %q", path, got, got, w)
		}
		return l.compareTexts(path, g, w)
	}
	if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
		return fmt.Sprintf("%s is %v (%T), want %v (%T)", path, got, got, want, want)
	}
	if got != want && !unlike[last(path)] {
		return fmt.Sprintf("%s is %v, want %v", path, got, want)
	}
	return ""
}

func last(path string) string { return path[strings.LastIndex(path, ".")+1:] }

func (l *lab) compareObjects(path string, got any, want map[string]any) string {
	g, ok := got.(map[string]any)
	if !ok {
		return fmt.Sprintf("%s is %v (%T), want an object", path, got, got)
	}
	translated := make(map[string]any)
	for key, v := range want {
		translated[l.here(key)] = v
	}
	for _, key := range slices.Sorted(maps.Keys(g)) {
		if _, there := translated[key]; !there {
			return fmt.Sprintf("%s.%s is not in the real answer", path, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(translated)) {
		v, there := g[key]
		if !there {
			return fmt.Sprintf("%s.%s is missing", path, key)
		}
		if diff := l.compare(path+"."+key, v, translated[key]); diff != "" {
			return diff
		}
	}
	return ""
}

// compareLists compares the rows of a page in their order, and what is related
// without: the order of links is the database's. A list that the recorder cut
// says how long it was.
func (l *lab) compareLists(path string, got any, want []any) string {
	g, ok := got.([]any)
	if !ok {
		return fmt.Sprintf("%s is %v (%T), want a list", path, got, got)
	}
	n, whole := len(want), true
	if n > 0 {
		if text, ok := want[n-1].(string); ok && cutList.MatchString(text) {
			n, _ = strconv.Atoi(cutList.FindStringSubmatch(text)[1])
			want, whole = want[:len(want)-1], false
		}
	}
	switch {
	case len(g) != n && (whole || last(path) == "results" || last(path) == "evidences"):
		return fmt.Sprintf("%s has %d elements, want %d", path, len(g), n)
	case len(g) < len(want):
		return fmt.Sprintf("%s has %d elements, want more", path, len(g))
	case whole && last(path) != "results":
		g, want = slices.Clone(g), slices.Clone(want)
		slices.SortFunc(g, func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		slices.SortFunc(want, func(a, b any) int { return cmp.Compare(l.here(fmt.Sprint(a)), l.here(fmt.Sprint(b))) })
	case !whole && last(path) == "evidences":
		for _, id := range want {
			if !slices.Contains(g, any(l.here(fmt.Sprint(id)))) {
				return fmt.Sprintf("%s has no %v", path, id)
			}
		}
		return ""
	case !whole && last(path) != "results": // of hundreds of rights the stand-in has a few
		if fmt.Sprintf("%T", g[0]) != fmt.Sprintf("%T", want[0]) {
			return fmt.Sprintf("%s has %T, want %T", path, g[0], want[0])
		}
		return ""
	}
	for i := range want {
		if diff := l.compare(fmt.Sprintf("%s[%d]", path, i), g[i], want[i]); diff != "" {
			return diff
		}
	}
	return ""
}

func (l *lab) compareTexts(path, got, want string) string {
	here := l.here(want)
	m := redacted.FindStringSubmatch(want)
	switch {
	case got == here, unlike[last(path)] && instant.MatchString(got) == instant.MatchString(want):
		return ""
	case m != nil && strconv.Itoa(len(got)) == m[1]:
		return ""
	case strings.HasSuffix(want, "…") && strings.HasPrefix(got, strings.TrimSuffix(want, "…")):
		return ""
	case random.MatchString(got) && random.ReplaceAllString(got, "_*$1") == random.ReplaceAllString(here, "_*$1"):
		return "" // the random end of a name that was taken
	case uuid.MatchString(got) && l.bind(want, got):
		return ""
	}
	return fmt.Sprintf("%s is %q, want %q", path, got, here)
}
