package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
)

//go:embed assets
var assets embed.FS

// kinds of the files that the page consists of. Nothing else is served.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// page answers every address of the page: it finds out itself what to show.
func page(w http.ResponseWriter, r *http.Request) { file(w, r, "index.html") }

func asset(w http.ResponseWriter, r *http.Request) { file(w, r, r.PathValue("name")) }

// file answers one of the embedded files. Browsers keep it, and ask whether it
// is still the same.
func file(w http.ResponseWriter, r *http.Request, name string) {
	content, err := assets.ReadFile("assets/" + path.Base(name))
	kind := kinds[path.Ext(name)]
	if err != nil || kind == "" {
		http.NotFound(w, r)
		return
	}
	sum := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", kind)
	_, _ = w.Write(content) // whoever asked may have gone
}
