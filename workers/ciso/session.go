package ciso

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"dispatcher/jobs"
)

// A refused login is not repeated for loginPause unless the password changed,
// and after too many of them (the server allows 30 a minute and address) for
// crowdPause. Nor are more than maxLogins made within crowdPause when the
// sessions that they open are refused: never a loop.
const (
	loginPause = 5 * time.Minute
	crowdPause = time.Minute
	maxLogins  = 3
)

// Credentials are a token, or e-mail and password. Functions, because secrets
// in files may be rotated.
type Credentials struct {
	Token     func() string        // "" if there is none
	Stored    string               // what `auth` stored, used when there is no Token
	Refresh   func() (bool, error) // reads secret files again; nil: nothing to read
	Email     string               // with Password
	Password  func() string        // "" if there is none
	AutoRenew bool                 // log in again when the session has ended
}

// session holds the token in use and renews it, one login at a time.
type session struct {
	client *Client
	creds  Credentials

	mu       sync.Mutex
	current  string
	failed   error     // of the last login
	again    time.Time // when it may be tried again with the same password
	failedBy string    // the password it was tried with
	openedAt time.Time // when the last login opened a session
	opened   int       // logins in quick succession
}

func newSession(c *Client, creds Credentials) *session {
	if creds.Token == nil {
		creds.Token = func() string { return "" }
	}
	if creds.Password == nil {
		creds.Password = func() string { return "" }
	}
	if creds.Refresh == nil {
		creds.Refresh = func() (bool, error) { return false, nil }
	}
	s := &session{client: c, creds: creds}
	if s.current = creds.Token(); s.current == "" {
		s.current = creds.Stored
	}
	return s
}

// token returns the token to use, logging in first if there is none.
func (s *session) token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == "" {
		if err := s.login(ctx); err != nil {
			return "", err
		}
	}
	if strings.ContainsFunc(s.current, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", jobs.Holding(jobs.HoldAuth, errors.New("the token holds blanks or line breaks; set USER_TOKEN to the token alone"))
	}
	return s.current, nil
}

// refused is told that the API did not accept used. It returns nil when there
// is another one to try, else a [jobs.HoldError] with the remedy.
func (s *session) refused(ctx context.Context, used string, a *answer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != used {
		return nil // renewed meanwhile
	}
	_, _ = s.creds.Refresh() // an unreadable file keeps the former secret
	if token := s.creds.Token(); token != "" && token != used {
		s.current = token
		return nil
	}
	reason := fmt.Errorf("CISO Assistant refuses the token (%s)", errorText(a))
	switch {
	case s.creds.Token() != "":
		return jobs.Holding(jobs.HoldAuth, fmt.Errorf("%w; it is wrong, expired, or its user is inactive: set USER_TOKEN to a new one", reason))
	case s.creds.Password() == "":
		return jobs.Holding(jobs.HoldAuth, fmt.Errorf("%w; set USER_TOKEN, or run dispatcher auth", reason))
	case !s.creds.AutoRenew:
		return jobs.Holding(jobs.HoldAuth, fmt.Errorf("%w; run dispatcher auth, or set AUTO_RENEW_SESSION=true", reason))
	}
	if s.opened >= maxLogins && s.client.cfg.Clock().Sub(s.openedAt) < crowdPause {
		return jobs.Holding(jobs.HoldAuth, fmt.Errorf("%w although a login has just given it; it is tried again in a minute", reason))
	}
	return s.login(ctx)
}

// reload takes up what dispatcher auth or a changed file brought since.
func (s *session) reload(stored string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.creds.Refresh() // an unreadable file keeps the former secret
	if token := s.creds.Token(); token != "" {
		s.current = token
	} else if stored != "" && stored != s.creds.Stored {
		s.creds.Stored, s.current = stored, stored
	}
}

// Reload makes the client read its secrets again; stored is the token that
// `auth` left, "" if none.
func (c *Client) Reload(stored string) { c.session.reload(stored) }

// login gets a session token. The lock is held: one login at a time.
func (s *session) login(ctx context.Context) error {
	_, _ = s.creds.Refresh() // an unreadable file keeps the former secret
	password := s.creds.Password()
	if s.creds.Email == "" || password == "" {
		return jobs.Holding(jobs.HoldAuth, errors.New("no credentials: set USER_TOKEN, or USER_EMAIL and USER_PASSWORD, or run dispatcher auth"))
	}
	if s.failed != nil && s.failedBy == password && s.client.cfg.Clock().Before(s.again) {
		return s.failed
	}
	token, err := s.client.Login(ctx, s.creds.Email, password)
	if err != nil {
		if reason, _ := IsHold(err); reason == jobs.HoldAuth {
			pause := loginPause
			if errors.Is(err, errTooManyLogins) {
				pause = crowdPause
			}
			s.failed, s.failedBy, s.again = err, password, s.client.cfg.Clock().Add(pause)
		}
		return err
	}
	now := s.client.cfg.Clock()
	if now.Sub(s.openedAt) >= crowdPause {
		s.opened = 0
	}
	s.current, s.failed, s.openedAt, s.opened = token, nil, now, s.opened+1
	return nil
}

// Login exchanges e-mail and password for a session token. It asks allauth's
// headless login first, then the one that v3.18.2 and older had. Every error is
// a [jobs.HoldError]; HoldAuth means that the login itself was refused.
func (c *Client) Login(ctx context.Context, email, password string) (token string, err error) {
	if err := c.ensureBase(ctx); err != nil {
		return "", err
	}
	a, err := c.postLogin(ctx, "/_allauth/app/v1/auth/login", map[string]string{"email": email, "password": password})
	if err != nil {
		return "", err
	}
	if a.status == http.StatusNotFound {
		a, err = c.postLogin(ctx, "/iam/login/", map[string]string{"username": email, "password": password})
		if err != nil {
			return "", err
		}
	}
	return readLogin(a, email)
}

func (c *Client) postLogin(ctx context.Context, path string, body any) (*answer, error) {
	a, err := c.roundTrip(ctx, &request{method: http.MethodPost, path: path, body: body, plain: true}, "")
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, jobs.Holding(jobs.HoldAPIDown, hint(fmt.Errorf("log in: %w", withoutURL(err))))
	}
	return a, nil
}

var errTooManyLogins = errors.New("too many logins: CISO Assistant allows 30 a minute; it is tried again in a minute")

// readLogin reads the answer of either login.
func readLogin(a *answer, email string) (string, error) {
	var body struct {
		Token string `json:"token"`
		Meta  struct {
			AccessToken string `json:"access_token"`
		} `json:"meta"`
		Data struct {
			Flows []struct {
				ID      string `json:"id"`
				Pending bool   `json:"is_pending"`
			} `json:"flows"`
		} `json:"data"`
	}
	_ = json.Unmarshal(a.body, &body) // what cannot be read has no token
	switch token := body.Token + body.Meta.AccessToken; {
	case a.status == http.StatusOK && token != "":
		return token, nil
	case a.status == http.StatusTooManyRequests:
		return "", jobs.Holding(jobs.HoldAuth, errTooManyLogins)
	case a.status >= 300 && a.status < 400:
		return "", jobs.Holding(jobs.HoldAPIDown, fmt.Errorf("login redirects to %q; API_URL must be the API's own address", a.header.Get("Location")))
	case a.status == http.StatusUnauthorized:
		for _, flow := range body.Data.Flows {
			if flow.ID == "mfa_authenticate" && flow.Pending {
				return "", jobs.Holding(jobs.HoldAuth, fmt.Errorf("login of %s wants a second factor, which the dispatcher cannot give; use a personal access token (USER_TOKEN)", email))
			}
		}
		return "", jobs.Holding(jobs.HoldAuth, fmt.Errorf("login of %s is not complete: %s; use a personal access token (USER_TOKEN)", email, errorText(a)))
	case strings.Contains(string(a.body), "email_password_mismatch"):
		return "", jobs.Holding(jobs.HoldAuth, fmt.Errorf("login of %s is refused: e-mail or password is not correct; check USER_EMAIL and USER_PASSWORD", email))
	case a.status == http.StatusBadRequest, a.status == http.StatusForbidden:
		return "", jobs.Holding(jobs.HoldAuth, fmt.Errorf("login of %s is refused: %s; check USER_EMAIL and USER_PASSWORD", email, errorText(a)))
	}
	return "", jobs.Holding(jobs.HoldAPIDown, fmt.Errorf("login answers HTTP %d without a token", a.status))
}
