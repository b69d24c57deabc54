package fakeciso

import (
	"net"
	"net/http"
	"slices"
)

// The limits of gunicorn as the project starts it.
const (
	maxRequestLine = 5120
	maxHeaderField = 8190
)

// gateway answers what never reaches a view: too long a request, or a host that
// is not allowed.
func (s *Server) gateway(w http.ResponseWriter, r *http.Request) (answered bool) {
	if len(r.Method+" "+r.RequestURI+" "+r.Proto) > maxRequestLine {
		badRequest(w)
		return true
	}
	for name, values := range r.Header {
		for _, value := range values {
			if len(name+": "+value) > maxHeaderField {
				htmlPage(w, http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large")
				return true
			}
		}
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if s.cfg.AllowedHosts != nil && !slices.Contains(s.cfg.AllowedHosts, host) {
		badRequest(w)
		return true
	}
	return false
}
