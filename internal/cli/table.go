package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"dispatcher/jobs"
)

// minWidth is the narrowest terminal that a table is cut to.
const minWidth = 40

// newTable returns a table without borders that fits the terminal.
func newTable(env Env, header ...any) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(env.Stdout)
	t.AppendHeader(table.Row(header))
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft = ""
	style.Box.PaddingRight = "  "
	style.Format.Header = text.FormatDefault
	if env.StdoutTerminal && env.Width >= minWidth {
		style.Size.WidthMax = env.Width
	}
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	return t
}

// widthsOf keeps the columns of further rows as wide as those of the first.
func widthsOf(rows []table.Row) (list []table.ColumnConfig) {
	for _, row := range rows {
		for i, cell := range row {
			if i == len(list) {
				list = append(list, table.ColumnConfig{Number: i + 1})
			}
			list[i].WidthMin = max(list[i].WidthMin, text.StringWidthWithoutEscSequences(fmt.Sprint(cell)))
		}
	}
	if len(list) > 0 {
		list[len(list)-1].WidthMin = 0 // what is last needs no width
	}
	return list
}

// ago says when in words that people read: "3m ago", "in 20s".
func ago(at, now time.Time) string {
	if at.IsZero() {
		return ""
	}
	return humanize.CustomRelTime(at, now, "ago", "from now", shortMagnitudes)
}

var shortMagnitudes = []humanize.RelTimeMagnitude{
	{D: time.Second, Format: "now", DivBy: time.Second},
	{D: time.Minute, Format: "%ds %s", DivBy: time.Second},
	{D: time.Hour, Format: "%dm %s", DivBy: time.Minute},
	{D: 48 * time.Hour, Format: "%dh %s", DivBy: time.Hour},
	{D: 1 << 62, Format: "%dd %s", DivBy: 24 * time.Hour},
}

// paint colours a state for people at a terminal.
func paint(env Env, s jobs.State) string {
	name := s.String()
	if !env.colour() {
		return name
	}
	switch s {
	case jobs.Succeeded:
		return text.FgGreen.Sprint(name)
	case jobs.Failed:
		return text.FgRed.Sprint(name)
	case jobs.Retrying, jobs.Canceled:
		return text.FgYellow.Sprint(name)
	case jobs.Running:
		return text.FgCyan.Sprint(name)
	}
	return name
}

// colour reports whether standard output is for eyes that want colour.
func (e Env) colour() bool { return e.StdoutTerminal && e.Getenv("NO_COLOR") == "" }

// oneCell keeps a text to one line of a table cell.
func oneCell(s string) string { return visible(strings.Join(strings.Fields(s), " ")) }

// visible takes away what would steer a terminal: keys and types of messages,
// and the API's words, are whatever somebody sent.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
