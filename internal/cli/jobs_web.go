package cli

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/urfave/cli/v2"

	"dispatcher/jobs/control"
)

func webCommand() *cli.Command {
	return &cli.Command{
		Name:  "web",
		Usage: "print an address that opens the web page once, so that it may act in your name",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "one JSON object"}},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return withBackend(c, func(ctx context.Context, b control.Backend) error {
				if _, live := b.(*control.Client); !live {
					return usagef("jobs web: no dispatcher runs that would serve the page; start it with dispatcher run")
				}
				pass, err := b.Web(ctx, control.WebQuery{Operator: operatorName()})
				if err != nil {
					return err
				}
				env := envOf(c)
				if c.Bool("json") {
					return writeJSON(env.Stdout, pass)
				}
				fmt.Fprintln(env.Stdout, pass.URL)
				fmt.Fprintf(env.Stderr, "note: it works once, within %s%s\n", time.Until(pass.ExpiresAt).Round(time.Second), tunnel(pass.URL))
				return nil
			})
		},
	}
}

// tunnel says how a page on loopback is reached from another machine.
func tunnel(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" {
		return ""
	}
	return fmt.Sprintf("; from another machine: ssh -L %s:%s HOST", u.Port(), u.Host)
}
