package embed

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// adapter passes the server's log on: its errors are warnings of ours, the rest
// is for debugging.
// A fatal error does not end the process, as it would in the server's own
// program: it is handed on.
type adapter struct {
	log   *slog.Logger
	fatal chan string
	quiet *quiet // nil: every error is a warning
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
	if a.quiet != nil && !a.quiet.due(time.Now()) {
		a.debug(format, v)
		return
	}
	a.log.Warn("embedded nats: " + fmt.Sprintf(format, v...))
}

// warnEvery is how often others can make this process warn of them.
const warnEvery = time.Minute

// quiet lets something be said once a minute.
type quiet struct {
	mu   sync.Mutex
	last time.Time
}

func (q *quiet) due(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.last) < warnEvery {
		return false
	}
	q.last = now
	return true
}
