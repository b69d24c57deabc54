package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"dispatcher/config"
	"dispatcher/jobs/control"
	"dispatcher/jobs/embed"
	"dispatcher/jobs/join"
	"dispatcher/jobs/remote"
	"dispatcher/jobs/schedule"
)

// outside is who may come from other hosts, and where. It implements
// [control.Keys].
type outside struct {
	cfg         *config.Config
	log         *slog.Logger
	credentials *join.Credentials
	listener    *embed.Listener // nil: nobody may
	work        *remote.Server
}

// openOutside reads the credentials and listens, if that is wanted. Nobody is let
// in yet.
func openOutside(cfg *config.Config, log *slog.Logger) (o *outside, err error) {
	o = &outside{cfg: cfg, log: log}
	if o.credentials, err = join.Open(filepath.Join(cfg.DataDir, keysFile)); err != nil {
		return nil, err
	}
	if cfg.Listen == "" {
		return o, nil
	}
	certificate, err := o.certificate()
	if err != nil {
		return nil, err
	}
	if o.listener, err = embed.Listen(embed.ListenerConfig{Address: cfg.Listen, Certificate: certificate, Log: log}); err != nil {
		return nil, usagef("listen %q: cannot listen there: %s; set LISTEN to a free address, or unset it", cfg.Listen, err)
	}
	return o, nil
}

// certificate is the operator's own, or one by the CA of the data directory.
func (o *outside) certificate() (tls.Certificate, error) {
	if o.cfg.ListenCert != "" {
		c, err := tls.LoadX509KeyPair(o.cfg.ListenCert, o.cfg.ListenKey)
		if err != nil {
			return c, usagef("listen_certfile %q: %s; give a certificate in PEM and its key", o.cfg.ListenCert, err)
		}
		return c, nil
	}
	authority, err := o.authority()
	if err != nil {
		return tls.Certificate{}, err
	}
	return authority.Issue(time.Now())
}

func (o *outside) authority() (*join.Authority, error) {
	return join.OpenAuthority(filepath.Join(o.cfg.DataDir, caFile), time.Now())
}

// serve lets those in who have a credential.
func (o *outside) serve(ctx context.Context, store string, scheduler *schedule.Scheduler, desk control.Backend, ownRate func(perSecond float64)) (err error) {
	if o.listener == nil {
		return nil
	}
	o.work, err = remote.Serve(ctx, o.listener.Conn(), remote.ServerConfig{
		Scheduler: scheduler, Store: store, Lease: o.cfg.Lease, Name: o.credentials.Name, Hears: o.listener.Hears, Log: o.log,
		Rate: o.cfg.API.RateLimit, OwnRate: ownRate,
	})
	if err != nil {
		return err
	}
	if _, err := control.ServeOperators(o.listener.Conn(), desk, o.credentials.Name); err != nil { // it ends with the connection
		return err
	}
	o.log.Info("listening for workers and operators on other hosts", "address", o.listener.Addr(), "credentials", len(o.credentials.List()))
	return o.listener.Admit(o.credentials.List())
}

func (o *outside) run(ctx context.Context) {
	if o.work != nil {
		o.work.Run(ctx)
	}
}

func (o *outside) workers() []remote.Worker {
	if o.work == nil {
		return nil
	}
	return o.work.Workers()
}

func (o *outside) close() {
	if o.listener != nil {
		o.listener.Stop()
	}
}

// admit makes a change of the credentials true for those who are connected.
func (o *outside) admit() error {
	if o.listener == nil {
		return nil
	}
	return o.listener.Admit(o.credentials.List())
}

// MakeKey implements [control.Keys].
func (o *outside) MakeKey(_ context.Context, q control.KeyQuery) (join.File, error) {
	address, err := o.address(q.Address)
	if err != nil {
		return join.File{}, err
	}
	var ca, server string
	switch {
	case o.cfg.ListenCA != "":
		pem, err := os.ReadFile(o.cfg.ListenCA)
		if err != nil {
			return join.File{}, fmt.Errorf("listen_cafile: %w", err)
		}
		ca = string(pem)
	case o.cfg.ListenCert == "":
		authority, err := o.authority()
		if err != nil {
			return join.File{}, err
		}
		ca, server = authority.PEM(), join.ServerName
	}
	made, seed, err := o.credentials.Make(q.Name, q.Role, time.Now())
	if err != nil {
		return join.File{}, err
	}
	f := join.New(made, seed, address)
	f.CA, f.Server = ca, server
	o.log.Info("a credential was made", "name", made.Name, "role", made.Role)
	return f, o.admit()
}

// ListKeys implements [control.Keys].
func (o *outside) ListKeys(context.Context) ([]join.Credential, error) {
	return append([]join.Credential{}, o.credentials.List()...), nil
}

// RevokeKey implements [control.Keys]: when it returns whoever had the key is cut
// off.
func (o *outside) RevokeKey(_ context.Context, q control.KeyQuery) error {
	var public string
	for _, c := range o.credentials.List() {
		if c.Name == q.Name {
			public = c.Public
		}
	}
	if err := o.credentials.Revoke(q.Name); err != nil {
		return err
	}
	if err := o.admit(); err != nil {
		return err
	}
	if o.work != nil {
		o.work.Forget(public)
	}
	o.log.Warn("a credential was revoked", "name", q.Name)
	return nil
}

// address is where other hosts reach this one.
func (o *outside) address(given string) (string, error) {
	if given != "" {
		if _, port, err := net.SplitHostPort(given); err != nil || port == "" {
			return "", fmt.Errorf("%w: %q is not host:port; give --address host:port", join.ErrAddress, given)
		}
		return given, nil
	}
	if o.cfg.Listen == "" {
		return "", fmt.Errorf("%w: listen is not set; set LISTEN to host:port for run and this command, or give --address", join.ErrAddress)
	}
	host, port, err := net.SplitHostPort(o.cfg.Listen)
	if err != nil {
		return "", fmt.Errorf("listen %q: %w", o.cfg.Listen, err)
	}
	if o.listener != nil {
		_, port, _ = net.SplitHostPort(o.listener.Addr())
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host, err = os.Hostname(); err != nil {
			return "", fmt.Errorf("name of this host: %w; give --address", err)
		}
	}
	return net.JoinHostPort(host, port), nil
}
