package cli

import (
	"context"
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
				return usagef("http_listen is off: nobody can be asked; set HTTP_LISTEN")
			}
			return askHealth(c.Context, dialable(cfg.HTTPListen), c.App.Writer)
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

func askHealth(ctx context.Context, address string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("health of %s: %w", address, err)
	}
	resp, err := (&http.Transport{}).RoundTrip(req) // no proxy: it is this host
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
