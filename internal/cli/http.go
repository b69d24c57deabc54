package cli

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"dispatcher/config"
	"dispatcher/jobs"
)

// party is one row of /readyz.
type party struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Why  string `json:"why,omitempty"`
}

// readiness is the answer of /readyz.
type readiness struct {
	Ready   bool    `json:"ready"`
	Role    string  `json:"role"`
	Parties []party `json:"parties"`
}

// probes are what the endpoints ask.
type probes struct {
	healthy func() error // nil while the own store can make progress
	ready   func() readiness
	metrics http.Handler
	page    http.Handler // everything else; may be nil
}

// endpoints are what answers on http_listen.
type endpoints struct {
	listener    net.Listener
	certificate *certificate // nil: without TLS
}

// listenHTTP takes the address, and the certificate if there is one.
func listenHTTP(cfg *config.Config, log *slog.Logger) (*endpoints, error) {
	e := &endpoints{}
	var err error
	if cfg.HTTP.CertFile != "" {
		if e.certificate, err = newCertificate(cfg.HTTP.CertFile, cfg.HTTP.KeyFile, log); err != nil {
			return nil, err
		}
	}
	if e.listener, err = net.Listen("tcp", cfg.HTTPListen); err != nil {
		return nil, usagef("http_listen %q: cannot listen there: %s; set HTTP_LISTEN to a free address, or to off", cfg.HTTPListen, err)
	}
	return e, nil
}

// serve answers /healthz, /readyz, /metrics and the page until ctx ends.
func (e *endpoints) serve(ctx context.Context, p probes, log *slog.Logger) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if err := p.healthy(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n")) // whoever asked may have gone
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		answer := p.ready()
		w.Header().Set("Content-Type", "application/json")
		if !answer.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
	mux.Handle("GET /metrics", p.metrics)
	mux.Handle("/", pageOr(p.page))
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() {
		if err := e.start(server); !errors.Is(err, http.ErrServerClosed) {
			log.Error("http endpoints have ended", "error", err)
		}
	}()
}

func (e *endpoints) start(server *http.Server) error {
	if e.certificate == nil {
		return server.Serve(e.listener)
	}
	server.TLSConfig = e.certificate.settings()
	return server.ServeTLS(e.listener, "", "")
}

// readinessOf builds the rows from role and holds: a party is fine unless a
// hold says otherwise.
func readinessOf(role string, holds []jobs.Hold) readiness {
	r := readiness{Role: role, Ready: role == "active" || role == "standby"}
	rows := []struct {
		name    string
		reasons []jobs.Reason
	}{
		{"kafka", []jobs.Reason{jobs.HoldKafkaDown}},
		{"api", []jobs.Reason{jobs.HoldAPIDown, jobs.HoldAuth}},
		{"s3", []jobs.Reason{jobs.HoldS3Down}},
		{"store", []jobs.Reason{jobs.HoldStoreFull}},
		{"operator", []jobs.Reason{jobs.HoldPaused}},
	}
	for _, row := range rows {
		p := party{Name: row.name, OK: true}
		for _, h := range holds {
			for _, reason := range row.reasons {
				if h.Reason == reason {
					p.OK, p.Why = false, h.Message
				}
			}
		}
		r.Ready = r.Ready && p.OK
		r.Parties = append(r.Parties, p)
	}
	return r
}
