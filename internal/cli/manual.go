package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Manual returns the man page in Markdown, made from the command tree.
func Manual() []byte {
	app := newApp(Env{Stdin: strings.NewReader(""), Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}, Getenv: func(string) string { return "" }})
	var b bytes.Buffer
	fmt.Fprintf(&b, "%% DISPATCHER 1\n\n# NAME\n\ndispatcher - %s\n\n", app.Usage)
	fmt.Fprint(&b, "# SYNOPSIS\n\n**dispatcher** [*global options*] *command* [*options*] [*arguments*]\n\n")
	fmt.Fprint(&b, "# GLOBAL OPTIONS\n\nThey may stand before and after the command.\n\n")
	manualFlags(&b, app.Flags)
	fmt.Fprint(&b, "# COMMANDS\n\n")
	for _, c := range app.Commands {
		manualCommand(&b, "dispatcher", c)
	}
	b.WriteString(manualEnd)
	return b.Bytes()
}

func manualCommand(b *bytes.Buffer, path string, c *cli.Command) {
	path += " " + c.Name
	names := strings.Join(append([]string{path}, c.Aliases...), ", ")
	fmt.Fprintf(b, "### %s\n\n", strings.TrimSpace(names+" "+plain(c.ArgsUsage)))
	fmt.Fprintf(b, "%s\n\n", plain(c.Usage))
	manualFlags(b, c.Flags)
	for _, sub := range c.Subcommands {
		manualCommand(b, path, sub)
	}
}

func manualFlags(b *bytes.Buffer, flags []cli.Flag) {
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		usage, value := doc.GetUsage(), ""
		if _, rest, found := strings.Cut(usage, "`"); found && doc.TakesValue() {
			value, _, _ = strings.Cut(rest, "`")
			value = " *" + value + "*"
		}
		names := slices.Clone(f.Names())
		for i, name := range names {
			names[i] = "**" + strings.Repeat("-", min(len(name), 2)) + name + "**"
		}
		line := strings.Join(names, ", ") + value + "\n: " + plain(usage)
		if d := doc.GetDefaultText(); doc.TakesValue() && d != "" && d != `""` {
			line += " (default: " + plain(d) + ")"
		}
		fmt.Fprintf(b, "%s\n\n", line)
	}
}

// plain takes the marks of a placeholder away, and what Markdown would read.
func plain(text string) string {
	return strings.NewReplacer("`", "", "<", `\<`, "*", `\*`, "_", `\_`).Replace(text)
}

const manualEnd = `# EXIT STATUS

**0**
: done

**1**
: failed while running

**2**
: wrong usage or configuration, or the data directory is in use: nothing was started

**3**
: no such job, or nothing matched

# SIGNALS

SIGTERM or SIGINT: no new work; running jobs may end within the grace period or are given back. A second one ends at once, and loses nothing either.

# FILES

**.dispatcher_config.yaml**
: the configuration, in the working directory

**.tmp.yaml**
: the token that *dispatcher auth* stored, beside it

**dispatcher-data**
: the data directory

Every setting has a variable of the environment too, each secret a variable that names a file with it. The table is in the README.

# EXAMPLES

    dispatcher check
    dispatcher jobs list --state failed --since 24h
    dispatcher jobs retry --code no_match --dry-run
`
