package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"dispatcher/config"
)

func healthCommand() *cli.Command {
	return &cli.Command{
		Name:  "health",
		Usage: "ask the running process whether it can make progress (for container health checks)",
		Action: func(c *cli.Context) error {
			cfg, err := loadConfig(c, config.ForJobs)
			if err != nil {
				return err
			}
			if cfg.HTTPListen == "" {
				return errors.New("http_listen is off: nobody can be asked; set HTTP_LISTEN") // exit 1: containers know 0 and 1 only
			}
			return askHealth(c.Context, cfg, c.App.Writer)
		},
	}
}

// dialable turns an address to listen on into one to ask.
func dialable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}

func askHealth(ctx context.Context, cfg *config.Config, out io.Writer) error {
	address, scheme := dialable(cfg.HTTPListen), "http://"
	transport := &http.Transport{} // no proxy: it is this host
	if cfg.HTTP.CertFile != "" {
		scheme, transport.TLSClientConfig = "https://", pinned(cfg.HTTP)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+address+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("health of %s: %w", address, err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("health of %s: no answer: %w", address, err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	text := strings.TrimSpace(string(body))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("health of %s: HTTP %d: %s", address, resp.StatusCode, text)
	}
	_, err = fmt.Fprintln(out, text)
	return err
}

// pinned trusts the certificate that http_listen answers with and no other,
// whatever names it has: the process is asked by its address.
func pinned(h config.HTTP) *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, // in favour of the comparison
		VerifyConnection: func(state tls.ConnectionState) error {
			pair, err := tls.LoadX509KeyPair(h.CertFile, h.KeyFile)
			if err != nil {
				return fmt.Errorf("read http_cert_file: %w", err)
			}
			if !pair.Leaf.Equal(state.PeerCertificates[0]) {
				return errors.New("another certificate than http_cert_file answers")
			}
			return nil
		},
	}
}
