package embed

import (
	"fmt"
	"log/slog"
)

// adapter passes the server's log on: its errors are warnings of ours, the rest
// is for debugging.
// A fatal error does not end the process, as it would in the server's own
// program: it is handed on.
type adapter struct {
	log   *slog.Logger
	fatal chan string
}

func (a adapter) Noticef(format string, v ...any) { a.debug(format, v) }
func (a adapter) Debugf(format string, v ...any)  { a.debug(format, v) }
func (a adapter) Tracef(format string, v ...any)  { a.debug(format, v) }
func (a adapter) Warnf(format string, v ...any)   { a.debug(format, v) }
func (a adapter) Errorf(format string, v ...any)  { a.warn(format, v) }

func (a adapter) Fatalf(format string, v ...any) {
	select {
	case a.fatal <- fmt.Sprintf(format, v...):
	default: // the first is the cause
	}
}

func (a adapter) debug(format string, v []any) {
	a.log.Debug("embedded nats: " + fmt.Sprintf(format, v...))
}

func (a adapter) warn(format string, v []any) {
	a.log.Warn("embedded nats: " + fmt.Sprintf(format, v...))
}
