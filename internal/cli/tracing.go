package cli

import (
	"context"

	"dispatcher/internal/tracing"
	"dispatcher/workers"
	"dispatcher/workers/ciso"
)

// openTracing begins to make traces, if the OTEL_* variables ask for them.
func (p *process) openTracing(ctx context.Context) (err error) {
	p.tracing, err = tracing.Start(ctx, tracing.Config{
		Getenv: p.options.getenv, Version: version(), Instance: processName(), Group: p.cfg.Kafka.GroupID, Log: p.log,
	})
	if err != nil {
		return usagef("tracing: %s", err)
	}
	if p.tracing != nil {
		p.log.Info("traces are sent, as the OTEL_* variables say")
	}
	return nil
}

// requestTracer and attemptTracer are nil when there is no tracing.
func (p *process) requestTracer() ciso.Tracer {
	if p.tracing == nil {
		return nil
	}
	return p.tracing
}

func (p *process) attemptTracer() workers.Tracer {
	if p.tracing == nil {
		return nil
	}
	return p.tracing
}

// stopTracing sends what waits. Its failure is no failure of the process.
func (p *process) stopTracing() {
	if p.tracing == nil {
		return
	}
	if err := p.tracing.Stop(); err != nil {
		p.log.Warn("traces are lost", "error", err)
	}
}
