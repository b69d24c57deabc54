package cli

import (
	"context"
	"log/slog"

	"dispatcher/config"
	"dispatcher/workers"
	"dispatcher/workers/ciso"
)

// account is how the API is reached, and as whom.
type account struct {
	cfg    *config.Config
	api    *ciso.Client
	stored config.Secret
}

func newAccount(cfg *config.Config, settings ciso.Config, requests ciso.Requests, tracer ciso.Tracer) (a *account, err error) {
	a = &account{cfg: cfg}
	a.api, a.stored, err = connectAPI(cfg, settings, requests, tracer)
	return a, err
}

// probe connects if that has not been done, else asks whether the API is there.
func (a *account) probe(ctx context.Context) error {
	if a.api.Version() == "" {
		return a.api.Connect(ctx)
	}
	return a.api.ProbeNow(ctx)
}

// secretsChanged reads secrets again: rotated files, or a new login by `auth`.
func (a *account) secretsChanged() bool {
	token, _ := a.cfg.Credentials.Token.Refresh() // an unreadable file keeps the former secret
	password, _ := a.cfg.Credentials.Password.Refresh()
	stored, err := a.cfg.StoredToken()
	isNew := err == nil && stored.Reveal() != a.stored.Reveal()
	if isNew {
		a.stored = stored
	}
	if token || password || isNew {
		a.api.Reload(a.stored.Reveal())
	}
	return token || password || isNew
}

// connect asks the API before the first job does; trouble is a hold.
func (a *account) connect(ctx context.Context, gate *workers.Gate, log *slog.Logger) {
	if err := a.api.Connect(ctx); err != nil {
		if ctx.Err() == nil {
			gate.Hold(err)
		}
		return
	}
	log.Info("CISO Assistant answers", "base", a.api.Base(), "version", a.api.Version())
}
