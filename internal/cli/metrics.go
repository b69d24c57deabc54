package cli

import (
	"context"
	"net/http"
	"time"

	"dispatcher/internal/metrics"
	"dispatcher/workers/ciso"
)

// scrapes answers /metrics.
func (p *process) scrapes() http.Handler {
	p.metrics.Watch(metrics.State{Stats: p.desk().Stats, Store: p.room, Clock: time.Now})
	return p.metrics.Handler()
}

// room tells what the store takes and what it may.
func (p *process) room(ctx context.Context) (used, limit int64, err error) {
	_, _, held, err := p.stream.Bounds(ctx)
	return p.ledger.Used() + int64(held), p.limit, err
}

// When the end of the token is looked up: it may have been replaced.
const (
	tokenEvery = time.Hour
	tokenRetry = time.Minute
	tokenFirst = time.Second // is the API connected?
)

// watchToken tells the metrics when the token ends, until ctx does. A server
// that does not say is asked no more often than one that does.
func (p *process) watchToken(ctx context.Context) {
	for wait := tokenFirst; ; {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		if p.account.api.Version() == "" {
			continue // connect is at it
		}
		wait = tokenEvery
		info, err := p.account.api.TokenInfo(ctx)
		if err == nil {
			p.metrics.TokenEnds(info.Expiry)
		} else if _, held := ciso.IsHold(err); held {
			wait = tokenRetry
		}
	}
}
