package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"dispatcher/config"
)

func initConfigCommand() *cli.Command {
	return &cli.Command{
		Name:  "init-config",
		Usage: "write the configuration file, with what the environment gives",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "interactive", Aliases: []string{"i"}, Usage: "ask for the settings"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "replace a file without asking"},
		},
		Action: func(c *cli.Context) error {
			env := envOf(c)
			path := configPath(c)
			if err := mayReplace(c, path); err != nil {
				return err
			}
			values := config.FromEnvironment(env.Getenv)
			if c.Bool("interactive") {
				var err error
				accessible := !env.StdinTerminal || !env.StdoutTerminal || env.Getenv("TERM") == "dumb"
				values, err = config.Wizard(env.Stdin, env.Stderr, accessible, env.StdinTerminal, values)
				if err != nil {
					return err
				}
			}
			err := config.WriteFile(path, config.Generate(values))
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
				return usagef("%s", err)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(env.Stderr, "wrote %s\n", path)
			return nil
		},
	}
}

func configPath(c *cli.Context) string {
	if path := c.String("config"); path != "" {
		return path
	}
	if path := envOf(c).Getenv("DISPATCHER_CONFIG"); path != "" {
		return path
	}
	return config.DefaultFile
}

func mayReplace(c *cli.Context, path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || c.Bool("yes") {
		return nil
	}
	return confirm(envOf(c), fmt.Sprintf("%s is there already. Replace it?", path))
}
