package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"dispatcher/config"
	"dispatcher/workers/ciso"
)

func authCommand() *cli.Command {
	return &cli.Command{
		Name:  "auth",
		Usage: "log in with e-mail and password, and keep the token for run",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "email", Usage: "`EMAIL` (env USER_EMAIL)"},
			&cli.StringFlag{Name: "password", Usage: "`PASSWORD` (env USER_PASSWORD); asked for if missing"},
		},
		Action: func(c *cli.Context) error {
			cfg, err := loadConfig(c, config.ForAuth)
			if err != nil {
				return err
			}
			email, password, err := credentials(c, cfg)
			if err != nil {
				return err
			}
			client, err := ciso.New(apiConfig(cfg, newLogger(envOf(c), cfg)))
			if err != nil {
				return err
			}
			token, err := client.Login(c.Context, email, password)
			if err != nil {
				return withoutReason(err)
			}
			if err := cfg.StoreToken(token); err != nil {
				return err
			}
			fmt.Fprintf(envOf(c).Stderr, "logged in as %s, the token is in %s\n", email, cfg.TokenPath())
			if cfg.Credentials.Token.IsSet() {
				fmt.Fprintln(envOf(c).Stderr, "note: USER_TOKEN is set and wins over it")
			}
			return nil
		},
	}
}

// credentials come from the flags, then the settings; a missing password is
// asked for without echo.
func credentials(c *cli.Context, cfg *config.Config) (email, password string, err error) {
	if email = c.String("email"); email == "" {
		email = cfg.Credentials.Email
	}
	if email == "" {
		return "", "", usagef("auth: no e-mail; give --email, or set USER_EMAIL")
	}
	if password = c.String("password"); password == "" {
		password = cfg.Credentials.Password.Reveal()
	}
	if password != "" {
		return email, password, nil
	}
	if !envOf(c).StdinTerminal {
		return "", "", usagef("auth: no password; give --password, or set USER_PASSWORD or USER_PASSWORD_FILE")
	}
	fmt.Fprintf(envOf(c).Stderr, "Password of %s: ", email)
	typed, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(envOf(c).Stderr)
	if err != nil {
		return "", "", fmt.Errorf("read password: %w", err)
	}
	return email, string(typed), nil
}

// withoutReason drops the hold reason, which means something to `run` only.
func withoutReason(err error) error {
	if _, ok := ciso.IsHold(err); ok {
		if inner := errors.Unwrap(err); inner != nil {
			return inner
		}
	}
	return err
}
