package fakeciso

import (
	"net/http"
	"regexp"
	"strings"
)

// call is one request on its way through the views.
type call struct {
	*Server
	w     http.ResponseWriter
	r     *http.Request
	user  *User
	entry *Entry
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// listed are the resources with lists.
var listed = map[string]bool{
	"applied-controls": true, "requirement-assessments": true, "compliance-assessments": true, "requirement-nodes": true,
	"frameworks": true, "folders": true, "evidences": true, "evidence-revisions": true,
}

func (s *Server) route(w http.ResponseWriter, r *http.Request, entry *Entry) {
	c := &call{Server: s, w: w, r: r, entry: entry}
	path, ok := strings.CutPrefix(r.URL.Path, "/api/")
	if !ok {
		htmlPage(w, http.StatusNotFound, "Not Found")
		return
	}
	if strings.HasPrefix(path, "_allauth/") {
		c.headlessLogin(path)
		return
	}
	parts := strings.Split(path, "/")
	if !strings.HasSuffix(path, "/") {
		c.withoutSlash(parts)
		return
	}
	parts = parts[:len(parts)-1]
	switch {
	case path == "health/":
		c.w.Header().Set("Allow", "OPTIONS, GET")
		c.json(http.StatusOK, map[string]any{"status": "ok"})
		return
	case path == "iam/login/":
		c.oldLogin()
		return
	case path == "schema/":
		c.openAPI()
		return
	case !known(parts), isUpload(parts) && !uuid.MatchString(parts[1]):
		htmlPage(w, http.StatusNotFound, "Not Found")
		return
	}
	c.allow(parts)
	if !c.authenticate() || !c.acceptable() {
		return
	}
	c.dispatch(path, parts)
}

// isUpload reports whether the path is that of a view outside the router, which
// takes nothing but UUIDs.
func isUpload(parts []string) bool {
	return len(parts) == 3 && parts[2] == "upload" && (parts[0] == "evidences" || parts[0] == "evidence-revisions")
}

// allow says which methods there are.
func (c *call) allow(parts []string) {
	methods := "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
	switch last := parts[len(parts)-1]; {
	case parts[0] == "build":
		methods = "OPTIONS, GET"
	case last == "current-user", last == "object", last == "attachment", last == "autocomplete" && !c.cfg.Old:
		methods = "GET, HEAD, OPTIONS"
	case last == "upload", last == "batch-action", last == "delete_attachment", last == "logout":
		methods = "POST, OPTIONS"
	case len(parts) == 1:
		methods = "GET, POST, HEAD, OPTIONS"
	}
	c.w.Header().Set("Allow", methods)
}

func known(parts []string) bool {
	switch strings.Join(parts, "/") {
	case "build", "iam/current-user", "iam/logout", "iam/auth-tokens":
		return true
	}
	return listed[parts[0]]
}

func (c *call) withoutSlash(parts []string) {
	if !listed[parts[0]] && !known(parts) && parts[0] != "health" {
		htmlPage(c.w, http.StatusNotFound, "Not Found")
		return
	}
	if c.cfg.Debug && c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		c.crash("RuntimeError") // it cannot redirect and keep the body
		return
	}
	to := c.r.URL.Path + "/"
	if c.r.URL.RawQuery != "" {
		to += "?" + c.r.URL.RawQuery
	}
	c.w.Header().Set("Location", to)
	writeRaw(c.w, http.StatusMovedPermanently, "text/html; charset=utf-8", "")
}

func (c *call) dispatch(path string, parts []string) {
	switch path {
	case "build/":
		c.json(http.StatusOK, map[string]any{
			"version": c.cfg.Version, "build": "fake", "infrastructure": "S-FS", "diskSpace": "270.6 GB", "diskUsed": "17.0 GB (6 %)",
		})
		return
	case "iam/current-user/":
		c.currentUser()
		return
	case "iam/logout/":
		c.logout()
		return
	}
	resource := parts[0]
	switch {
	case isUpload(parts):
		if c.r.Method != http.MethodPost {
			c.notAllowed()
			return
		}
		c.upload(resource, parts[1])
	case len(parts) == 1:
		c.collection(resource)
	case len(parts) == 2 && parts[1] == "autocomplete" && !c.cfg.Old:
		c.list(resource, true)
	case len(parts) == 2 && parts[1] == "batch-action":
		c.batchAction(resource)
	case !uuid.MatchString(parts[1]):
		c.detail(http.StatusNotFound, "Not found.")
	case len(parts) == 2:
		c.item(resource, parts[1])
	case len(parts) == 3 && parts[2] == "object":
		c.writeRepresentation(resource, parts[1])
	case len(parts) == 3 && parts[2] == "attachment":
		c.download(resource, parts[1])
	case len(parts) == 3 && parts[2] == "delete_attachment" && resource == "evidence-revisions":
		c.deleteAttachment(parts[1])
	default:
		htmlPage(c.w, http.StatusNotFound, "Not Found")
	}
}

func (c *call) collection(resource string) {
	switch {
	case c.r.Method == http.MethodGet || c.r.Method == http.MethodHead:
		c.list(resource, false)
	case c.r.Method == http.MethodPost && resource == "evidences":
		c.createEvidence()
	case c.r.Method == http.MethodPost && resource == "evidence-revisions":
		c.createRevision()
	case c.r.Method == http.MethodOptions:
		c.crash("TypeError")
	default:
		c.notAllowed()
	}
}

func (c *call) item(resource, id string) {
	switch c.r.Method {
	case http.MethodGet, http.MethodHead:
		if o := c.visible(resource, id); o != nil {
			c.json(http.StatusOK, c.readRow(o))
			return
		}
		c.noSuchObject(resource)
	case http.MethodPatch:
		c.patch(resource, id)
	case http.MethodOptions:
		c.crash("TypeError")
	default:
		c.notAllowed()
	}
}

func (c *call) writeRepresentation(resource, id string) {
	if c.r.Method != http.MethodGet {
		c.notAllowed()
		return
	}
	if o := c.visible(resource, id); o != nil {
		c.mu.Lock()
		row := c.writeRow(o)
		c.mu.Unlock()
		c.json(http.StatusOK, row)
		return
	}
	c.noSuchObject(resource)
}
