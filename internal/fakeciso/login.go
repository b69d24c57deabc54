package fakeciso

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

func (c *call) login(email, password string) (u *User, token string, limited bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.logins = slices.DeleteFunc(c.logins, func(at time.Time) bool { return now.Sub(at) > time.Minute })
	if c.cfg.LoginLimit > 0 && len(c.logins) >= c.cfg.LoginLimit {
		return nil, "", true
	}
	c.logins = append(c.logins, now)
	for i := range c.cfg.Users {
		u := &c.cfg.Users[i]
		if u.Email == email && u.Password == password && password != "" {
			c.ids++
			token = fmt.Sprintf("%064x", c.ids)
			if !u.MFA {
				c.sessions[token] = email
			}
			return u, token, false
		}
	}
	return nil, "", false
}

// headlessLogin is allauth's: no slash, JSON, no token.
func (c *call) headlessLogin(path string) {
	if path != "_allauth/app/v1/auth/login" {
		htmlPage(c.w, http.StatusNotFound, "Not Found")
		return
	}
	var body struct{ Email, Password *string }
	raw, _ := io.ReadAll(c.r.Body)
	_ = json.Unmarshal(raw, &body)
	for _, f := range []struct {
		name  string
		value *string
	}{{"email", body.Email}, {"password", body.Password}} {
		if f.value == nil {
			c.loginProblem("This field is required.", "required", f.name)
			return
		}
	}
	u, token, limited := c.login(*body.Email, *body.Password)
	switch {
	case limited:
		c.json(http.StatusTooManyRequests, map[string]any{"status": 429})
	case u == nil:
		c.loginProblem("The email address and/or password you specified are not correct.", "email_password_mismatch", "password")
	case u.MFA:
		c.json(http.StatusUnauthorized, map[string]any{"status": 401,
			"data": map[string]any{"flows": []any{map[string]any{"id": "mfa_authenticate", "is_pending": true, "types": []any{"totp"}}}},
			"meta": map[string]any{"is_authenticated": false, "session_token": "x"}})
	default:
		c.json(http.StatusOK, map[string]any{"status": 200,
			"data": map[string]any{
				"user":    map[string]any{"id": c.userID(u), "display": u.Email, "email": u.Email, "has_usable_password": true},
				"methods": []any{map[string]any{"method": "password", "at": float64(time.Now().UnixMicro()) / 1e6, "email": u.Email}},
			},
			"meta": map[string]any{"is_authenticated": true, "session_token": token[32:], "access_token": token}})
	}
}

func (c *call) loginProblem(message, code, param string) {
	c.json(http.StatusBadRequest, map[string]any{"status": 400, "errors": []any{map[string]any{"message": message, "code": code, "param": param}}})
}

// oldLogin exists up to v3.18.2.
func (c *call) oldLogin() {
	if !c.cfg.Old {
		htmlPage(c.w, http.StatusNotFound, "Not Found")
		return
	}
	c.w.Header().Set("Allow", "POST, OPTIONS")
	var body struct{ Username, Password *string }
	raw, _ := io.ReadAll(c.r.Body)
	_ = json.Unmarshal(raw, &body)
	problems := map[string]any{}
	if body.Username == nil {
		problems["username"] = []any{"This field is required."}
	}
	if body.Password == nil {
		problems["password"] = []any{"This field is required."}
	}
	if len(problems) > 0 {
		c.json(http.StatusBadRequest, problems)
		return
	}
	u, token, limited := c.login(*body.Username, *body.Password)
	switch {
	case limited:
		c.json(http.StatusTooManyRequests, map[string]any{"detail": "Request was throttled."})
	case u == nil:
		c.json(http.StatusBadRequest, map[string]any{"non_field_errors": []any{"Unable to log in with provided credentials."}})
	default:
		if u.MFA { // the old login did not ask for the second factor
			c.mu.Lock()
			c.sessions[token] = u.Email
			c.mu.Unlock()
		}
		c.json(http.StatusOK, map[string]any{"expiry": time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000000Z"), "token": token})
	}
}

func (c *call) logout() {
	_, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	c.RevokeToken(token)
	c.w.WriteHeader(http.StatusNoContent)
}
