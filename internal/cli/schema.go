package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"dispatcher/internal/schema"
)

func schemaCommand() *cli.Command {
	return &cli.Command{
		Name:      "schema",
		Usage:     "print the JSON Schema of a message type, or of the records on the topics errors and results; without one, their names",
		ArgsUsage: "[" + strings.Join(schema.Names(), "|") + "]",
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				_, err := fmt.Fprintln(c.App.Writer, strings.Join(schema.Names(), "\n"))
				return err
			}
			name := c.Args().First()
			document, ok := schema.Of(name)
			if !ok || c.Args().Len() > 1 {
				return usagef("schema %q: there is none; one of %s", strings.Join(c.Args().Slice(), " "), strings.Join(schema.Names(), ", "))
			}
			out := json.NewEncoder(c.App.Writer)
			out.SetIndent("", "  ")
			out.SetEscapeHTML(false)
			return out.Encode(document)
		},
	}
}
