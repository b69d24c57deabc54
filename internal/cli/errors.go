package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/urfave/cli/v2"

	"dispatcher/config"
	"dispatcher/ingest"
	"dispatcher/jobs"
	"dispatcher/jobs/control"
	"dispatcher/jobs/embed"
	"dispatcher/store"
)

// exitError carries an exit code. Without err nothing is left to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}
func (e *exitError) Unwrap() error { return e.err }

// usagef is an error of usage or configuration: nothing was started.
func usagef(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// exitCode returns the code that the contract gives to err.
func exitCode(err error) int {
	var exit *exitError
	var wrong *config.Error
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &wrong), errors.Is(err, store.ErrInUse), errors.Is(err, store.ErrNewer),
		errors.Is(err, store.ErrDamaged), errors.Is(err, embed.ErrDamaged), errors.Is(err, ingest.ErrStoresDiffer), errors.Is(err, control.ErrVersion):
		return exitUsage
	case errors.Is(err, jobs.ErrNoJob):
		return exitNoJob
	}
	return exitFailed
}

// oneLine keeps an error to the one line that is promised.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "\n", "; ")), " ")
}

// didYouMean names the command nearest to name, if one is near.
func didYouMean(commands []*cli.Command, name string) string {
	best, distance := "", 3
	for _, c := range commands {
		for _, known := range c.Names() {
			if d := levenshtein.ComputeDistance(name, known); d < distance {
				best, distance = known, d
			}
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}
