package cli

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"

	"dispatcher/config"
	"dispatcher/internal/web"
	"dispatcher/jobs/control"
)

// openHTTP listens on http_listen, with the page if it may be offered there.
// Nothing is answered yet.
func (p *process) openHTTP() (*endpoints, error) {
	e, err := listenHTTP(p.cfg, p.log)
	if err != nil {
		return nil, err
	}
	cfg := web.Config{
		Backend: p.desk(), Version: version(), Local: e.local(), TLS: e.certificate != nil, URL: e.url(), Log: p.log,
	}
	if e.certificate != nil {
		cfg.Named = e.certificate.named
	}
	if p.cfg.HTTP.Users.IsSet() {
		cfg.Users = p.webUsers
	}
	if p.page, err = web.New(cfg); err != nil {
		return nil, errors.Join(err, e.listener.Close())
	}
	if cfg.Offered() {
		p.log.Info("web page; to act there: dispatcher jobs web", "url", cfg.URL)
	} else {
		p.log.Info("no web page: http_listen is beyond loopback, and TLS and a login are not configured (HTTP_CERT_FILE, HTTP_KEY_FILE, HTTP_USERS_FILE)")
	}
	return e, nil
}

// webUsers reads again who may log in: whoever was taken out is out at once.
func (p *process) webUsers() (map[string][]byte, error) {
	if _, err := p.cfg.HTTP.Users.Refresh(); err != nil {
		return nil, err
	}
	return config.ParseUsers(p.cfg.HTTP.Users.Reveal())
}

// pass lets an operator into the page.
func (p *process) pass(operator string) (control.WebPass, error) {
	if p.page == nil {
		return control.WebPass{}, errors.New("jobs web: http_listen is off, so that there is no page; set HTTP_LISTEN and start the dispatcher anew")
	}
	return p.page.Pass(operator)
}

// serveHTTP answers until ctx ends.
func (p *process) serveHTTP(ctx context.Context, e *endpoints) {
	e.serve(ctx, probes{healthy: p.healthy, ready: p.ready, metrics: p.scrapes(), page: p.page.Handler()}, p.log)
}

func (p *process) ready() readiness {
	if p.pool != nil {
		return readinessOf(p.group.Role(), p.scheduler.Blocking())
	}
	unmanned, _ := p.scheduler.Unmanned()
	return coordinatorReadiness(p.group.Role(), p.scheduler.Blocking(), unmanned)
}

// local reports whether only this host reaches the endpoints.
func (e *endpoints) local() bool {
	address, ok := e.listener.Addr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}

// url is the address of the endpoints as people on this host write it.
func (e *endpoints) url() string {
	host, port := "127.0.0.1", "0"
	if address, ok := e.listener.Addr().(*net.TCPAddr); ok {
		port = strconv.Itoa(address.Port)
		if !address.IP.IsUnspecified() {
			host = address.IP.String()
		}
	}
	if e.certificate == nil {
		return "http://" + net.JoinHostPort(host, port)
	}
	if !e.local() {
		host = e.certificate.host()
	}
	return "https://" + net.JoinHostPort(host, port)
}

// pageOr answers what is not a probe.
func pageOr(page http.Handler) http.Handler {
	if page == nil {
		return http.NotFoundHandler()
	}
	return page
}
