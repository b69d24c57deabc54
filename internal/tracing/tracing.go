package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// shutdownTimeout bounds how long the end of the process waits for the collector.
const shutdownTimeout = 5 * time.Second

// troubleEvery is how often it is said that the collector takes nothing.
const troubleEvery = time.Minute

// Config is what tracing needs.
type Config struct {
	Getenv   func(string) string // of the OTEL_* variables; the SDK reads the process's own
	Version  string
	Instance string // host/pid
	Group    string // consumer group
	Log      *slog.Logger
}

// Tracing makes spans. It is safe for concurrent use.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	group    string
}

// Start returns nil if the variables do not ask for tracing, and an error that
// names the variable if it has a value that cannot work.
func Start(ctx context.Context, cfg Config) (*Tracing, error) {
	on, err := wanted(cfg.Getenv)
	if err != nil || !on {
		return nil, err
	}
	exporter, err := newExporter(ctx, cfg.Getenv)
	if err != nil {
		return nil, err
	}
	about, err := newResource(ctx, cfg)
	if err != nil {
		return nil, err
	}
	listen(cfg.Log)
	return newTracing(cfg, sdk.WithBatcher(exporter), sdk.WithResource(about)), nil
}

// newTracing returns a Tracing whose sampler and limits are those of the
// OTEL_* variables.
func newTracing(cfg Config, options ...sdk.TracerProviderOption) *Tracing {
	provider := sdk.NewTracerProvider(append(options, sdk.WithIDGenerator(ids{}))...)
	return &Tracing{provider: provider, tracer: provider.Tracer("dispatcher", trace.WithInstrumentationVersion(cfg.Version)), group: cfg.Group}
}

// listen has the SDK tell our log, once in a while, what goes wrong. It knows
// only one listener in the process.
func listen(log *slog.Logger) {
	var last atomic.Int64
	otel.SetLogger(logr.FromSlogHandler(log.Handler()))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		now, before := time.Now().UnixNano(), last.Load()
		if now-before > int64(troubleEvery) && last.CompareAndSwap(before, now) {
			log.Warn("traces are not taken by the collector; what it misses is lost, jobs are not", "error", err)
		}
	}))
}

// Stop sends what waits, for a few seconds at most.
func (t *Tracing) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}
