package fakeciso

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// store puts bytes into storage, under another name if that one is taken. hash
// is that of whatever is in storage under the name that was asked for: of other
// bytes after a collision, as the real server computes it. The lock is held.
func (s *Server) store(name string, content []byte) (as, hash string) {
	name = shorten(name)
	as = name
	known := content
	if old, taken := s.files[name]; taken {
		known = old
		ext := path.Ext(name)
		for taken {
			s.ids++
			as = fmt.Sprintf("%s_%07x%s", strings.TrimSuffix(name, ext), s.ids, ext)
			_, taken = s.files[as]
		}
	}
	s.files[as] = content
	return as, sum(known)
}

func sum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// shorten keeps names within the 255 characters of a path's column.
func shorten(name string) string {
	ext := path.Ext(name)
	if over := len(name) - 255; over > 0 {
		return name[:len(name)-len(ext)-over] + ext
	}
	return name
}

var (
	notInNames  = regexp.MustCompile(`[^-\p{L}\p{N}_.]`)
	notInSlugs  = regexp.MustCompile(`[^\w\s-]`)
	betweenSlug = regexp.MustCompile(`[-\s]+`)
)

// validName is the base of a file name as Django stores it.
func validName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	return notInNames.ReplaceAllString(strings.ReplaceAll(strings.TrimSpace(name), " ", "_"), "")
}

// uploadName is what /upload/ makes of a file name (core/views.py): the
// extension is taken out wherever it stands, and the rest becomes a slug.
func uploadName(name string) (stored, ext string, ok bool) {
	name = path.Base(name)
	ext = strings.ToLower(name[strings.LastIndex(name, ".")+1:])
	stem := validName(strings.ReplaceAll(name, ext, ""))
	if stem == "." || stem == ".." || stem == "" {
		return "", ext, false
	}
	var ascii strings.Builder
	for _, r := range norm.NFKD.String(stem) {
		if r < 128 {
			ascii.WriteRune(r)
		}
	}
	slug := notInSlugs.ReplaceAllString(strings.ToLower(ascii.String()), "")
	slug = strings.Trim(betweenSlug.ReplaceAllString(strings.TrimSpace(slug), "-"), "-_")
	return slug + "." + ext, ext, true
}

// size is a file's size as reads show it.
func (s *Server) size(name string) any {
	content, ok := s.files[name]
	if !ok {
		return nil
	}
	n := float64(len(content))
	for _, unit := range []string{"B", "KB", "MB"} {
		if n < 1024 || unit == "MB" {
			if unit == "B" {
				return fmt.Sprintf("%d B", len(content))
			}
			return fmt.Sprintf("%.1f %s", n, unit)
		}
		n /= 1024
	}
	return nil
}

// extensions are those that the validator allows (core/validators.py).
const extensions = "jpg, jpeg, png, doc, docx, odt, ppt, pptx, txt, xls, xlsx, ods, csv, md, pdf, json, yaml, yml, toml, xml, msg, eml, zip, 7z, tar, gz, log, svg, mp4, mov, gif, webp"

// extensionProblem is "" if files of the extension may be attached.
func extensionProblem(ext string) string {
	if ext != "" && strings.Contains(", "+extensions+", ", ", "+strings.ToLower(ext)+", ") {
		return ""
	}
	if ext != "" {
		ext = "." + strings.ToLower(ext)
	}
	return "Unsupported file extension '" + ext + "'. Allowed extensions: " + extensions
}

// maxAttachment is ATTACHMENT_MAX_SIZE_MB.
const maxAttachment = 50_000_000
