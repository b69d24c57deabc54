package store

import (
	"context"
	"encoding/json"
	"fmt"

	"dispatcher/jobs"
)

const pausesKey = "pauses"

// Pauses returns the holds that operators have set.
func (l *Ledger) Pauses() (list []jobs.Hold, err error) {
	raw := l.MetaGet(pausesKey)
	if len(raw) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("pauses: %w: %w", ErrDamaged, err)
	}
	return list, nil
}

// SetPauses replaces the holds that operators have set.
func (l *Ledger) SetPauses(ctx context.Context, list []jobs.Hold) error {
	raw, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("write pauses: %w", err)
	}
	return l.MetaSet(ctx, pausesKey, raw)
}
