package ciso_test

import (
	"context"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

func TestLoginIsOneAtATimeAndNeverALoop(t *testing.T) {
	t.Parallel()
	now := time.Now()
	bothLogins := []fakeciso.Config{{}, {Old: true}}
	for _, cfg := range bothLogins {
		cfg.Users = []fakeciso.User{{Email: "u@x", Password: "right", Role: fakeciso.Admin}, {Email: "mfa@x", Password: "right", MFA: true, Role: fakeciso.Admin}}
		password := "right"
		api, c := newClient(t, cfg, func(c *ciso.Config) {
			c.Clock = func() time.Time { return now }
			c.Credentials = ciso.Credentials{Email: "u@x", Password: func() string { return password }, AutoRenew: true}
		})
		token, err := c.Login(t.Context(), "u@x", "right")
		if err != nil || token == "" {
			t.Fatal(err)
		}
		// The session ends: several requests at once renew it with one login.
		api.ExpireSessions()
		before := api.Count("POST", "/api/_allauth") + api.Count("POST", "/api/iam/login")
		errs := make(chan error, 8)
		for range 8 {
			go func() {
				_, err := c.Resolve(context.Background(), ciso.AppliedControls, ciso.Selector{"ref_id": "x"})
				errs <- err
			}()
		}
		for range 8 {
			wantCode(t, <-errs, jobs.CodeNoMatch)
		}
		if n := api.Count("POST", "/api/_allauth") + api.Count("POST", "/api/iam/login") - before; n > 2 {
			t.Errorf("%d login requests", n)
		}
		// A wrong password is tried once, again after five minutes or a change.
		api.ExpireSessions()
		password = "wrong"
		before = len(api.Journal())
		for range 5 {
			_, err := c.Resolve(t.Context(), ciso.AppliedControls, ciso.Selector{"ref_id": "x"})
			wantHold(t, err, jobs.HoldAuth, "refused")
		}
		logins := api.Count("POST", "/api/_allauth") + api.Count("POST", "/api/iam/login")
		now = now.Add(6 * time.Minute)
		_, err = c.Resolve(t.Context(), ciso.AppliedControls, ciso.Selector{"ref_id": "x"})
		wantHold(t, err, jobs.HoldAuth, "refused")
		if api.Count("POST", "/api/_allauth")+api.Count("POST", "/api/iam/login") == logins {
			t.Error("not tried again after five minutes")
		}
		password = "right"
		_, err = c.Resolve(t.Context(), ciso.AppliedControls, ciso.Selector{"ref_id": "x"})
		wantCode(t, err, jobs.CodeNoMatch)
		if !cfg.Old {
			_, err = c.Login(t.Context(), "mfa@x", "right")
			wantHold(t, err, jobs.HoldAuth, "second factor")
		}
		_ = before
	}
}

func TestARevokedTokenIsAHoldUntilTheSecretChanges(t *testing.T) {
	t.Parallel()
	token := "admin-token"
	api, c := newClient(t, fakeciso.Config{}, func(c *ciso.Config) {
		c.Credentials = ciso.Credentials{Token: func() string { return token }, Refresh: func() (bool, error) {
			return true, nil
		}}
	})
	api.SetToken("rotated")
	_, err := c.Resolve(t.Context(), ciso.AppliedControls, ciso.Selector{"ref_id": "x"})
	wantHold(t, err, jobs.HoldAuth, "USER_TOKEN")
	token = "rotated"
	_, err = c.Resolve(t.Context(), ciso.AppliedControls, ciso.Selector{"ref_id": "x"})
	wantCode(t, err, jobs.CodeNoMatch)
}
