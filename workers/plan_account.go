package workers

import (
	"context"
	"errors"
	"sync"
	"time"

	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// accountFresh is how long the user's rights are believed: they are a long answer.
const accountFresh = time.Minute

// accountCache remembers who the user is, for many plans.
type accountCache struct {
	mu      sync.Mutex
	account ciso.Account
	at      time.Time // zero: not asked yet
}

func (c *accountCache) get(ctx context.Context, api PlanAPI) (ciso.Account, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < accountFresh {
		return c.account, nil
	}
	account, err := api.Account(ctx)
	var failure *jobs.Failure
	if err != nil && !errors.As(err, &failure) && !errors.Is(err, ciso.ErrGone) {
		return account, err
	}
	c.account, c.at = account, time.Now() // without permissions: the server does not tell
	return account, nil
}
