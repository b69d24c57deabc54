package cli

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts the words of a command line into the order that the library
// understands: global flags, command, its flags, arguments. The contract allows
// flags before and after the command and its arguments.
func arrange(app *cli.App, args []string) []string {
	if len(args) == 0 || completing(args) {
		return args
	}
	a := arranger{commands: app.Commands, global: app.Flags}
	words := args[1:]
	for len(words) > 0 {
		words = a.place(words)
	}
	out := append([]string{args[0]}, a.globalWords...)
	out = append(out, a.path...)
	out = append(out, a.flagWords...)
	if len(a.arguments) > 0 {
		out = append(out, "--")
	}
	return append(out, a.arguments...)
}

func completing(args []string) bool { return args[len(args)-1] == "--generate-bash-completion" }

type arranger struct {
	commands []*cli.Command // that may come next
	global   []cli.Flag
	local    []cli.Flag

	path, globalWords, flagWords, arguments []string
}

// place sorts the next word, with its value if it is a flag that takes one.
func (a *arranger) place(words []string) (rest []string) {
	word, rest := words[0], words[1:]
	if word == "--" {
		a.arguments = append(a.arguments, rest...)
		return nil
	}
	if !strings.HasPrefix(word, "-") || word == "-" {
		a.placeName(word)
		return rest
	}
	name, _, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
	flag, isGlobal := a.find(name)
	group := []string{word}
	if !hasValue && takesValue(flag) && len(rest) > 0 {
		group, rest = append(group, rest[0]), rest[1:]
	}
	if isGlobal {
		a.globalWords = append(a.globalWords, group...)
	} else {
		a.flagWords = append(a.flagWords, group...)
	}
	return rest
}

func (a *arranger) placeName(word string) {
	for _, c := range a.commands {
		if c.HasName(word) && len(a.arguments) == 0 {
			a.path = append(a.path, word)
			a.commands, a.local = c.Subcommands, append(a.local, c.Flags...)
			return
		}
	}
	if len(a.path) == 0 { // an unknown command: left in its place for its error
		a.path = append(a.path, word)
		a.commands = nil
		return
	}
	a.arguments = append(a.arguments, word)
}

// find looks a flag up by name, the command's own first. A flag of a command
// that has not been named yet is found there too.
func (a *arranger) find(name string) (flag cli.Flag, isGlobal bool) {
	for _, f := range a.local {
		if hasName(f, name) {
			return f, false
		}
	}
	for _, f := range a.global {
		if hasName(f, name) {
			return f, true
		}
	}
	for _, c := range a.commands {
		for _, f := range c.Flags {
			if hasName(f, name) {
				return f, false
			}
		}
	}
	return nil, false
}

func hasName(f cli.Flag, name string) bool {
	for _, n := range f.Names() {
		if n == name {
			return true
		}
	}
	return false
}

func takesValue(f cli.Flag) bool {
	with, ok := f.(cli.DocGenerationFlag)
	return ok && with.TakesValue()
}
