package cli

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// certificate is that of http_listen. It is read again when its file changes,
// so that it can be renewed without a restart.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	changed time.Time
	pair    *tls.Certificate
}

// newCertificate reads the files, which must belong together.
func newCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	if err := c.load(); err != nil {
		return nil, usagef("http_cert_file %s: %s; give the certificate and its key as PEM files", certFile, err)
	}
	return c, nil
}

// load reads the files if they have changed.
func (c *certificate) load() error {
	info, err := os.Stat(c.certFile)
	if err != nil || info.ModTime().Equal(c.changed) {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	c.changed, c.pair = info.ModTime(), &pair
	return nil
}

// current returns the certificate. One that cannot be read now leaves the former.
func (c *certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(); err != nil {
		c.log.Warn("the certificate of http_listen cannot be read again; the former stays", "error", err)
	}
	return c.pair
}

// settings are those of a server.
func (c *certificate) settings() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return c.current(), nil
	}}
}

// named reports whether host is a name of the certificate.
func (c *certificate) named(host string) bool { return c.current().Leaf.VerifyHostname(host) == nil }

// host is the name that people ask for.
func (c *certificate) host() string {
	leaf := c.current().Leaf
	for _, name := range leaf.DNSNames {
		if !strings.HasPrefix(name, "*") {
			return name
		}
	}
	if len(leaf.IPAddresses) > 0 {
		return leaf.IPAddresses[0].String()
	}
	name, _ := os.Hostname()
	return name
}
