package ciso

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
)

// loginStub accepts one password and the tokens that it gave since the last
// call of end.
type loginStub struct {
	*stub
	logins, refused atomic.Int32
	limit           atomic.Bool
	mu              sync.Mutex
	valid           string
}

func (l *loginStub) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.valid = "none"
}

func newLoginStub(t testing.TB) *loginStub {
	l := &loginStub{}
	l.stub = newStub(t, func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		switch {
		case strings.Contains(r.URL.Path, "/_allauth/") && l.limit.Load():
			l.logins.Add(1)
			answerJSON(w, 429, `{"status":429}`)
		case strings.Contains(r.URL.Path, "/_allauth/"):
			l.valid = fmt.Sprint("token-", l.logins.Add(1))
			answerJSON(w, 200, `{"status":200,"meta":{"is_authenticated":true,"access_token":"`+l.valid+`"}}`)
		case r.Header.Get("Authorization") != "Token "+l.valid:
			l.refused.Add(1)
			answerJSON(w, 401, `{"detail":"Invalid token."}`)
		default:
			answerJSON(w, 200, `{"id":"`+controlID+`"}`)
		}
	})
	return l
}

func (l *loginStub) client(t testing.TB, clock *clock, renew bool) *Client {
	return connect(t, Config{URL: l.URL + "/api", Clock: clock.now, Credentials: Credentials{
		Email: "u@x", Password: func() string { return "secret" }, AutoRenew: renew,
	}})
}

func TestASessionThatEndsIsRenewedOnceForAll(t *testing.T) {
	t.Parallel()
	l := newLoginStub(t)
	c := l.client(t, newClock(), true)
	l.end()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := c.Object(t.Context(), AppliedControls, controlID); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := l.logins.Load(); n != 2 {
		t.Errorf("%d logins, one to connect and one to renew are enough", n)
	}
}

func TestSessionsThatAreRefusedAtOnceAreNoLoop(t *testing.T) {
	t.Parallel()
	l := newLoginStub(t)
	clock := newClock()
	c := l.client(t, clock, true)
	use := func() error {
		l.end()
		_, err := c.Object(t.Context(), AppliedControls, controlID)
		return err
	}
	for range 20 {
		_ = use()
	}
	if n := l.logins.Load(); n != maxLogins {
		t.Errorf("%d logins", n)
	}
	wantVerdict(t, use(), "hold auth")
	clock.advance(crowdPause)
	wantVerdict(t, use(), "ok")
}

func TestTooManyLoginsAreWaitedFor(t *testing.T) {
	t.Parallel()
	l := newLoginStub(t)
	clock := newClock()
	c := l.client(t, clock, true)
	l.end()
	l.limit.Store(true)
	for range 5 {
		_, err := c.Object(t.Context(), AppliedControls, controlID)
		wantVerdict(t, err, "hold auth")
	}
	if n := l.logins.Load(); n != 2 {
		t.Errorf("%d logins", n)
	}
	l.limit.Store(false)
	clock.advance(crowdPause)
	_, err := c.Object(t.Context(), AppliedControls, controlID)
	wantVerdict(t, err, "ok")
}

func TestWithoutAutoRenewAnEndedSessionIsAHold(t *testing.T) {
	t.Parallel()
	l := newLoginStub(t)
	c := l.client(t, newClock(), false)
	l.end()
	_, err := c.Object(t.Context(), AppliedControls, controlID)
	wantVerdict(t, err, "hold auth")
	if !strings.Contains(err.Error(), "AUTO_RENEW_SESSION") || l.logins.Load() != 1 {
		t.Errorf("%d logins, %v", l.logins.Load(), err)
	}
}

func TestARotatedTokenIsTakenUpByTheRequestThatFindsTheOldOneRefused(t *testing.T) {
	t.Parallel()
	server := fakeciso.New(fakeciso.Config{})
	base, err := server.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	var secret, file atomic.Value
	secret.Store("admin-token")
	file.Store("admin-token")
	c := connect(t, Config{URL: base, Credentials: Credentials{
		Token:   func() string { return secret.Load().(string) },
		Refresh: func() (bool, error) { secret.Store(file.Load()); return true, nil },
	}})
	id := server.AddControl(map[string]any{"name": "a"})
	server.SetToken("rotated")
	file.Store("rotated")
	if err := c.Update(t.Context(), AppliedControls, id, map[string]any{"status": "active"}); err != nil {
		t.Error(err)
	}
	server.SetToken("again")
	wantVerdict(t, c.ProbeNow(t.Context()), "hold auth")
	file.Store("again")
	wantVerdict(t, c.ProbeNow(t.Context()), "ok")
}

func TestATokenWithALineBreakIsNamed(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(http.ResponseWriter, *http.Request) {})
	c, err := New(Config{URL: s.URL, Credentials: token("a\nb")})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Connect(t.Context())
	if wantVerdict(t, err, "hold auth"); strings.Contains(err.Error(), "a\nb") || !strings.Contains(err.Error(), "USER_TOKEN") {
		t.Error(err)
	}
}

func TestNoCredentialsAreAHoldThatSaysWhatToSet(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(http.ResponseWriter, *http.Request) {})
	c, err := New(Config{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, c.Connect(t.Context()), "hold auth")
	c.Reload("stored")
	wantVerdict(t, c.Connect(t.Context()), "ok")
}

func TestAPasswordIsNotTriedAgainForFiveMinutes(t *testing.T) {
	t.Parallel()
	clock := newClock()
	users := []fakeciso.User{{Email: "u@x", Password: "right", Role: fakeciso.Admin}}
	for _, old := range []bool{false, true} {
		server := fakeciso.New(fakeciso.Config{Old: old, Users: users})
		base, err := server.Start("")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Close() })
		password := "wrong"
		c, err := New(Config{URL: base, Clock: clock.now, Credentials: Credentials{Email: "u@x", Password: func() string { return password }}})
		if err != nil {
			t.Fatal(err)
		}
		tries := func() int { return server.Count("POST", "/api/") }
		err = c.Connect(t.Context())
		if wantVerdict(t, err, "hold auth"); strings.Contains(err.Error(), "wrong") {
			t.Errorf("the password shows in %q", err)
		}
		n := tries()
		clock.advance(loginPause - time.Second)
		wantVerdict(t, c.ProbeNow(t.Context()), "hold auth")
		if tries() != n {
			t.Error("tried again before five minutes")
		}
		clock.advance(time.Second)
		wantVerdict(t, c.ProbeNow(t.Context()), "hold auth")
		if tries() == n {
			t.Error("not tried again after five minutes")
		}
		password = "right"
		wantVerdict(t, c.ProbeNow(t.Context()), "ok")
	}
}
