package fakeciso

import (
	"encoding/json"
	"html"
	"net/http"
)

// models name resources in the API's 404.
var models = map[string]string{
	"applied-controls": "AppliedControl", "requirement-assessments": "RequirementAssessment", "evidences": "Evidence",
	"evidence-revisions": "EvidenceRevision", "compliance-assessments": "ComplianceAssessment", "folders": "Folder",
	"frameworks": "Framework", "requirement-nodes": "RequirementNode",
}

func (c *call) noSuchObject(resource string) {
	c.detail(http.StatusNotFound, "No "+models[resource]+" matches the given query.")
}

func (c *call) notAllowed() {
	c.detail(http.StatusMethodNotAllowed, `Method "`+c.r.Method+`" not allowed.`)
}

func (c *call) detail(status int, text string) { c.json(status, map[string]any{"detail": text}) }

func (c *call) json(status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		htmlPage(c.w, http.StatusInternalServerError, err.Error())
		return
	}
	if c.cfg.Debug && c.wantsHTML() {
		writeRaw(c.w, status, "text/html; charset=utf-8", "<!DOCTYPE html><pre>"+html.EscapeString(string(data))+"</pre>")
		return
	}
	writeRaw(c.w, status, "application/json", string(data))
}

func writeRaw(w http.ResponseWriter, status int, kind, body string) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // the client may have gone
}

// crash is an exception in a view: its trace is shown in debugging mode only.
func (c *call) crash(exception string) {
	if c.cfg.Debug {
		c.w.Header().Del("Allow")
		writeRaw(c.w, http.StatusInternalServerError, "text/plain; charset=utf-8", exception+" at "+c.r.URL.Path)
		return
	}
	htmlPage(c.w, http.StatusInternalServerError, "Server Error (500)")
}

func badRequest(w http.ResponseWriter) { htmlPage(w, http.StatusBadRequest, "Bad Request (400)") }

func htmlPage(w http.ResponseWriter, status int, text string) {
	w.Header().Del("Allow") // no view made this
	writeRaw(w, status, "text/html; charset=utf-8", "<!doctype html><html><head><title>"+text+"</title></head><body><h1>"+text+"</h1></body></html>")
}
