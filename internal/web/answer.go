package web

import (
	"encoding/json"
	"mime"
	"net/http"
	"time"
)

// readTime is how long a browser may take to send a body.
const readTime = 10 * time.Second

// maxBody bounds what a browser sends: thousands of ids fit.
const maxBody = 256 << 10

// answer writes v as JSON.
func answer(w http.ResponseWriter, v any) { write(w, http.StatusOK, v) }

// refuse writes why not, in one line.
func refuse(w http.ResponseWriter, status int, why string) {
	write(w, status, map[string]string{"error": why})
}

func write(w http.ResponseWriter, status int, v any) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime)) // a recorder has none
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever asked may have gone
}

// read reads a JSON body; if it cannot be, that is answered.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "send application/json")
		return false
	}
	slow := http.NewResponseController(w)
	_ = slow.SetReadDeadline(time.Now().Add(readTime)) // a recorder has none
	defer func() { _ = slow.SetReadDeadline(time.Time{}) }()
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	in.DisallowUnknownFields()
	if err := in.Decode(v); err != nil {
		refuse(w, http.StatusBadRequest, "the request cannot be read: "+err.Error())
		return false
	}
	return true
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}
