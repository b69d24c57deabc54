package cli

import (
	"context"
	"log/slog"

	"dispatcher/config"
	"dispatcher/internal/tracing"
	"dispatcher/workers"
	"dispatcher/workers/ciso"
)

// startTracing sends traces if the OTEL_* variables say so; nil if they do not.
func startTracing(ctx context.Context, cfg *config.Config, getenv func(string) string, log *slog.Logger) (*tracing.Tracing, error) {
	t, err := tracing.Start(ctx, tracing.Config{
		Getenv: getenv, Version: version(), Instance: processName(), Group: cfg.Kafka.GroupID, Log: log,
	})
	if err != nil {
		return nil, usagef("tracing: %s", err)
	}
	if t != nil {
		log.Info("traces are sent, as the OTEL_* variables say")
	}
	return t, nil
}

// requestTracer and attemptTracer are nil when there is no tracing.
func requestTracer(t *tracing.Tracing) ciso.Tracer {
	if t == nil {
		return nil
	}
	return t
}

func attemptTracer(t *tracing.Tracing) workers.Tracer {
	if t == nil {
		return nil
	}
	return t
}

// stopTracing sends what waits. Its failure is no failure of the process.
func stopTracing(t *tracing.Tracing, log *slog.Logger) {
	if t == nil {
		return
	}
	if err := t.Stop(); err != nil {
		log.Warn("traces are lost", "error", err)
	}
}
