package web

import (
	"net"
	"net/http"
	"strings"
	"time"
)

// reach lets in who asked for this page by one of its own names, from where it
// is offered, and not on behalf of another site.
func (s *Server) reach(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !s.cfg.Offered():
			http.NotFound(w, r)
		case !s.ownName(r.Host):
			refuse(w, http.StatusMisdirectedRequest, "the page is not served under this name; ask for "+s.cfg.URL)
		case s.open() && (forwarded(r) || !loopback(r.RemoteAddr)):
			refuse(w, http.StatusForbidden, "through a proxy everybody who reaches that could look; give the page TLS and a login with HTTP_CERT_FILE, HTTP_KEY_FILE and HTTP_USERS_FILE")
		case strings.HasPrefix(r.URL.Path, "/api/") && !ownSite(r):
			refuse(w, http.StatusForbidden, "another site may not ask this")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// open reports whether everybody who reaches the page may look.
func (s *Server) open() bool { return s.cfg.Users == nil }

// ownName reports whether host, as a browser sent it, is a name of this page. A
// foreign name that leads here is how a site reads what only this host may
// (DNS rebinding). The port is not compared: a tunnel has another one.
func (s *Server) ownName(host string) bool {
	name := hostname(host)
	if s.cfg.Named != nil && s.cfg.Named(name) {
		return true
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// hostname is a Host header without port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

func loopback(address string) bool {
	ip := net.ParseIP(hostname(address))
	return ip != nil && ip.IsLoopback()
}

// forwarded reports whether a proxy says that it passed the request on.
func forwarded(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// ownSite reports whether the page itself asks, as far as the browser tells. A
// change must come with an origin: every browser sends one.
func ownSite(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return r.Method == http.MethodGet || r.Method == http.MethodHead
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return strings.EqualFold(origin, scheme+r.Host)
}

// policy allows what the page itself consists of and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// hardened sets the headers of every answer.
func hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		defer func() { _ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) }() // the connection may serve others
		next.ServeHTTP(w, r)
	})
}
