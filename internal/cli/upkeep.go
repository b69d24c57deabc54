package cli

import (
	"context"
	"time"
)

// Times and bounds of the upkeep.
const (
	upkeepEvery = 10 * time.Second
	upkeepBatch = 1000 // jobs of one transaction
)

// upkeep forgets what is old enough, and earlier what there is no room for.
func (p *process) upkeep(ctx context.Context) {
	p.checkLedger(ctx)
	tick := time.NewTicker(upkeepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			err := p.expire(ctx, now)
			if err == nil {
				err = p.trim(ctx)
			}
			if err != nil && ctx.Err() == nil {
				p.log.Warn("old jobs are not forgotten, it is tried again", "error", err)
			}
		}
	}
}

func (p *process) expire(ctx context.Context, now time.Time) error {
	for {
		n, err := p.ledger.Expire(ctx, now, p.cfg.Retention.Succeeded, p.cfg.Retention.Failed, upkeepBatch)
		if n == 0 || err != nil {
			return err
		}
	}
}

// trim keeps a tenth of max_store_bytes free, as far as ended jobs can give it.
func (p *process) trim(ctx context.Context) error {
	forgotten := 0
	for {
		_, _, held, err := p.stream.Bounds(ctx)
		if err != nil {
			return err
		}
		if p.ledger.Used()+int64(held) <= p.limit/10*9 {
			break
		}
		n, err := p.ledger.Trim(ctx, upkeepBatch)
		if err != nil {
			return err
		}
		if forgotten += n; n == 0 {
			break
		}
	}
	if forgotten > 0 {
		p.log.Warn("space is short: the oldest ended jobs were forgotten before their time, messages before records", "forgotten", forgotten, "limit", p.limit)
	}
	return nil
}

// checkLedger says what of the history cannot be read any more. Work is not
// concerned: the records of unfinished jobs are all read at the start.
func (p *process) checkLedger(ctx context.Context) {
	if n, err := p.ledger.Check(ctx); err != nil {
		p.log.Error("the ledger is damaged: the history of ended jobs cannot be listed; work goes on", "damaged", n, "first", err)
	}
}
