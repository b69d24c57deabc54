package ciso

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

// idleTimeout is shorter than that of any usual proxy: a write on a connection
// that the other side is just closing gets no answer, and nobody knows whether
// it was carried out.
const idleTimeout = 20 * time.Second

// newTransport returns a transport that verifies TLS, honours HTTPS_PROXY and
// NO_PROXY, and keeps a connection per job in flight.
func newTransport(cfg Config) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = max(cfg.Concurrency, 8)
	t.MaxIdleConns = 0
	t.IdleConnTimeout = idleTimeout
	t.DisableCompression = true
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !cfg.VerifyCertificate} //nolint:gosec // an operator's explicit setting, warned about at start
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read CA file: %w", err)
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("CA file %s: holds no certificate in PEM", cfg.CAFile)
		}
	}
	if cfg.Guarded {
		guard(t)
	}
	return t, nil
}

// sameOriginOnly lets reads follow a redirect within the origin. A write is
// never redirected: its method would change to GET on the way. Each hop is a request,
// which has to be permitted.
func sameOriginOnly(req *http.Request, via []*http.Request) error {
	first := via[0]
	if first.Method != http.MethodGet || len(via) > 3 {
		return http.ErrUseLastResponse
	}
	if req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host {
		return http.ErrUseLastResponse
	}
	if !permitted(req.Context()) { // asked last: a write has been sent, whatever its answer
		return errNotPermitted
	}
	return nil
}

// isTLS reports whether err is a handshake that failed: a certificate that was not
// accepted, or a server that speaks no TLS.
func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError // later in a connection it comes after a request was sent
	return errors.As(err, &verification) || errors.As(err, &record) && record.Msg == "first record does not look like a TLS handshake"
}
