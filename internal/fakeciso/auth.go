package fakeciso

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// authenticate finds the user of the token, or answers 401.
func (c *call) authenticate() bool {
	scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	token = strings.TrimRight(token, " ")
	switch {
	case !strings.EqualFold(scheme, "token"):
		return c.unauthorized("Authentication credentials were not provided.")
	case token == "":
		return c.unauthorized("Invalid token header. No credentials provided.")
	case strings.Contains(token, " "):
		return c.unauthorized("Invalid token header. Token string should not contain spaces.")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	email := c.sessions[token]
	for i := range c.cfg.Users {
		if u := &c.cfg.Users[i]; u.Token == token && token != "" || u.Email == email && email != "" {
			if u.Inactive {
				return c.unauthorized("User inactive or deleted.")
			}
			c.user = u
			return true
		}
	}
	return c.unauthorized("Invalid token.")
}

func (c *call) unauthorized(text string) bool {
	c.w.Header().Set("WWW-Authenticate", "Token")
	c.detail(http.StatusUnauthorized, text)
	return false
}

// acceptable answers 406 to those who want no JSON.
func (c *call) acceptable() bool {
	accept := c.r.Header.Get("Accept")
	if accept == "" || strings.Contains(accept, "json") || strings.Contains(accept, "*/*") || c.cfg.Debug && c.wantsHTML() {
		return true
	}
	c.detail(http.StatusNotAcceptable, "Could not satisfy the request Accept header.")
	return false
}

// wantsHTML is so of people with browsers: in debugging mode they get pages.
func (c *call) wantsHTML() bool { return strings.HasPrefix(c.r.Header.Get("Accept"), "text/html") }

// RevokeToken makes a token unknown.
func (s *Server) RevokeToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, token)
	for i := range s.cfg.Users {
		if s.cfg.Users[i].Token == token {
			s.cfg.Users[i].Token = ""
		}
	}
}

// SetToken gives the first user another token.
func (s *Server) SetToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Users[0].Token = token
}

// sees reports whether the user may see what is in a folder.
func (c *call) sees(folder any) bool {
	return c.user.Role == Admin || slices.Contains(c.user.Domains, fmt.Sprint(folder))
}

// mayWrite reports whether the user may change what is in a folder.
func (c *call) mayWrite(folder any) bool {
	return c.user.Role == Admin || c.user.Role == Analyst && slices.Contains(c.user.Domains, fmt.Sprint(folder))
}

// visible returns an object that the user may see.
func (c *call) visible(resource, id string) *object {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.objects[resource][strings.ToLower(id)]
	if o == nil || !global(resource) && !c.sees(o.fields["folder"]) {
		return nil
	}
	return o
}

// global are the resources that everybody sees.
func global(resource string) bool {
	return resource == "frameworks" || resource == "requirement-nodes" || resource == "folders"
}

// ExpireSessions ends every login.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}
