package cli

import (
	"context"
	"fmt"

	"dispatcher/ingest"
	"dispatcher/jobs"
)

// openResults prepares the reports of what succeeds, if there is a topic for
// them.
func (p *process) openResults(ctx context.Context, connection ingest.Connection) (err error) {
	k := p.cfg.Kafka
	if k.ResultsTopic == "" {
		return p.dropResults(ctx)
	}
	p.results, err = ingest.NewResults(ingest.OutboxConfig{Connection: connection, Topic: k.ResultsTopic, GroupID: k.GroupID, Log: p.log}, p.ledger)
	if err != nil {
		return usagef("kafka settings: %s", err)
	}
	p.scheduler.OnResult(p.results.Wake)
	return nil
}

// dropResults gives up results that wait for a topic which is not set any more:
// their offsets would never count as finished.
func (p *process) dropResults(ctx context.Context) error {
	for dropped := 0; ; {
		waiting, err := p.ledger.Results(jobs.Report{}, upkeepBatch)
		if err == nil && len(waiting) == 0 {
			if dropped > 0 {
				p.log.Warn("results_topic is not set any more: results that waited are not sent", "results", dropped)
			}
			return nil
		}
		if err == nil {
			err = p.ledger.ResultsDelivered(ctx, waiting)
		}
		if err != nil {
			return fmt.Errorf("drop results: %w", err)
		}
		dropped += len(waiting)
	}
}
