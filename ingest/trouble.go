package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// trouble is what kafka-go's reader says went wrong. It reads on by itself, but
// a topic that was deleted and made again goes on at our offset in silence. So
// nothing that was read after a trouble is believed before the log is proven to
// be the same. Most troubles are only a slow broker (the reader waits 125 ms
// longer than the broker was asked to): they must not cost the membership.
type trouble struct {
	look func(ctx context.Context) error // nil: it is the same log
	log  *slog.Logger

	mu  sync.Mutex
	why string

	weighing sync.Mutex
}

// note is kafka-go's error logger.
func (t *trouble) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.why = fmt.Sprintf(format, args...)
}

// take returns what was noted. It is forgotten before the look, so that what
// happens meanwhile is not.
func (t *trouble) take() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	why := t.why
	t.why = ""
	return why
}

// weigh returns nil when everything that has been read so far is believed, or
// ctx has ended; [errReassign] if it is not.
func (t *trouble) weigh(ctx context.Context) error {
	t.weighing.Lock()
	defer t.weighing.Unlock()
	for ctx.Err() == nil {
		why := t.take()
		if why == "" {
			return nil
		}
		switch err := t.look(ctx); {
		case err == nil:
			t.log.Debug("kafka-go's reader had trouble, the log is the same", "trouble", why)
		case errors.Is(err, errReassign):
			return fmt.Errorf("%w (%s)", err, why)
		default: // Kafka is away: the membership itself will tell
			t.note("%s", why)
			pause(ctx, retryFirst)
		}
	}
	return nil
}

// watch weighs what troubles a reader to which nothing comes any more.
func (t *trouble) watch(ctx context.Context) error {
	for pause(ctx, time.Second) {
		if err := t.weigh(ctx); err != nil {
			return err
		}
	}
	return nil
}
