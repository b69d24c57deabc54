package cli

import (
	"errors"
	"log/slog"

	"dispatcher/config"
	"dispatcher/ingest"
	"dispatcher/workers/attachment"
	"dispatcher/workers/ciso"
)

// newAPI returns a client of CISO Assistant, and the token that `auth` stored.
// Nobody is asked yet; requests and tracer may be nil.
func newAPI(cfg *config.Config, log *slog.Logger, requests ciso.Requests, tracer ciso.Tracer) (client *ciso.Client, stored config.Secret, err error) {
	return connectAPI(cfg, apiConfig(cfg, log), requests, tracer)
}

func connectAPI(cfg *config.Config, api ciso.Config, requests ciso.Requests, tracer ciso.Tracer) (client *ciso.Client, stored config.Secret, err error) {
	if stored, err = cfg.StoredToken(); err != nil {
		return nil, stored, err
	}
	api.Credentials.Stored, api.Requests, api.Tracer = stored.Reveal(), requests, tracer
	client, err = ciso.New(api)
	return client, stored, err
}

// apiConfig is the client's part of the settings.
func apiConfig(cfg *config.Config, log *slog.Logger) ciso.Config {
	a, c := cfg.API, cfg.Credentials
	return ciso.Config{
		URL: a.URL, VerifyCertificate: a.VerifyCertificate, CAFile: a.CAFile, Timeout: a.Timeout, UploadTimeout: a.UploadTimeout,
		RateLimit: a.RateLimit, MaxTargets: a.MaxTargets, Concurrency: a.Concurrency, Log: log, UserAgent: "ciso-assistant-dispatcher/" + version(),
		Credentials: ciso.Credentials{
			Token: c.Token.Reveal, Email: c.Email, Password: c.Password.Reveal, AutoRenew: c.AutoRenew,
			Refresh: func() (bool, error) {
				token, err := c.Token.Refresh()
				password, err2 := c.Password.Refresh()
				return token || password, errors.Join(err, err2)
			},
		},
	}
}

// newS3 returns a client of S3 that keeps fetched files in spool.
func newS3(cfg *config.Config, spool attachment.Spool) (*attachment.S3, error) {
	return attachment.NewS3(attachment.S3Config{
		URL: cfg.S3.URL, AccessKey: cfg.S3.AccessKey.Reveal, SecretKey: cfg.S3.SecretKey.Reveal, Region: cfg.S3.Region,
		CAFile: cfg.S3.CAFile, PresignedOrigins: cfg.S3.PresignedOrigins, Timeout: cfg.API.UploadTimeout, Spool: spool,
		Refresh: func() {
			_, _ = cfg.S3.AccessKey.Refresh() // an unreadable file keeps the former secret
			_, _ = cfg.S3.SecretKey.Refresh()
		},
	})
}

// kafkaConnection is how the brokers are reached.
func kafkaConnection(cfg *config.Config) ingest.Connection {
	k := cfg.Kafka
	return ingest.Connection{
		Servers: k.BootstrapServers, Protocol: k.SecurityProtocol, Mechanism: k.SASLMechanism, Username: k.Username,
		Password: func() string {
			_, _ = k.Password.Refresh() // an unreadable file keeps the former secret
			return k.Password.Reveal()
		},
		CAFile: k.CAFile, CertFile: k.CertFile, KeyFile: k.KeyFile,
	}
}
