package control

import (
	"context"
	"errors"
	"time"
)

// WebQuery asks for a pass to the web page.
type WebQuery struct {
	Operator string `json:"operator"` // in whose name the page acts
}

// WebPass opens the web page once, for whoever may act there.
type WebPass struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Web returns an address that opens a session on the web page, once.
func (d *Desk) Web(_ context.Context, q WebQuery) (WebPass, error) {
	if d.Page == nil {
		return WebPass{}, errors.New("jobs web: no dispatcher runs that would serve the page; start it with dispatcher run")
	}
	return d.Page(q.Operator)
}
