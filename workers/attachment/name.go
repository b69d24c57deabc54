package attachment

import (
	"path"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"dispatcher/jobs"
)

// extensions are those that the API's validator allows (core/validators.py). It
// is not run for the file of a new evidence, so that it is run here.
var extensions = strings.Fields("jpg jpeg png doc docx odt ppt pptx txt xls xlsx ods csv md pdf json yaml yml toml xml msg eml zip 7z tar gz log svg mp4 mov gif webp")

// maxStem keeps a stored name, with the end that the server may add to it, well
// below what storage takes: the API cuts at 255 characters, and loses the end.
const maxStem = 80

// BaseName returns the last element of a name that may hold a path of any system.
func BaseName(name string) string {
	return path.Base(strings.ReplaceAll(strings.TrimSpace(name), `\`, "/"))
}

// CheckName refuses names without an extension that the API allows.
func CheckName(name string) error {
	base := BaseName(name)
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(base), "."))
	if base == "." || base == "/" || strings.TrimSpace(name) == "" {
		return jobs.Fail(jobs.CodeFileRefused, "file_name %q is no file's name", name)
	}
	if !slices.Contains(extensions, ext) {
		return jobs.Fail(jobs.CodeFileRefused, "file_name %q: CISO Assistant does not take files of this kind; it takes %s", cut(base, 80), strings.Join(extensions, ", "))
	}
	return nil
}

// StoredName returns the name under which a file is stored: content-unique,
// because the API computes a wrong hash for a name that is already in storage,
// and of characters that it leaves as they are.
func StoredName(name, sha256 string) string {
	base := BaseName(name)
	ext := path.Ext(base)
	return stem(strings.TrimSuffix(base, ext)) + "-" + sha256[:8] + strings.ToLower(ext)
}

// IsStoredName reports whether a stored name carries this content: the server
// adds an end of its own to a name that was taken.
func IsStoredName(stored, sha256 string) bool {
	return strings.Contains(stored, "-"+sha256[:8])
}

// stem reduces a name to ASCII letters, digits, "_" and "-".
func stem(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch {
		case r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		case r == ' ' || r == '_' || r == '.' || r == '-':
			b.WriteByte('_')
		}
		if b.Len() >= maxStem {
			break
		}
	}
	if out := strings.Trim(b.String(), "_"); out != "" {
		return out
	}
	return "file"
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// Extensions returns those that the API takes, in lower case.
func Extensions() []string { return slices.Clone(extensions) }
