package tracing

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// Variables that decide whether and how traces are sent; all others are read
// by the SDK (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
const (
	envDisabled = "OTEL_SDK_DISABLED"
	envExporter = "OTEL_TRACES_EXPORTER"
	envEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envTraces   = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	envProtocol = "OTEL_EXPORTER_OTLP_PROTOCOL"
	envProtoOf  = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	envSampler  = "OTEL_TRACES_SAMPLER"
)

// samplers are those that the SDK knows by name; another one it would replace by
// its default.
var samplers = []string{"", "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}

// wanted reports whether the variables ask for tracing: by an endpoint, or by
// naming the exporter.
func wanted(getenv func(string) string) (bool, error) {
	if disabled, _ := strconv.ParseBool(getenv(envDisabled)); disabled { // anything but true means false
		return false, nil
	}
	if name := getenv(envSampler); !slices.Contains(samplers, strings.ToLower(strings.TrimSpace(name))) {
		return false, fmt.Errorf("%s %q: not supported; one of %s", envSampler, name, strings.Join(samplers[1:], ", "))
	}
	on := getenv(envExporter) == "otlp"
	for _, name := range []string{envEndpoint, envTraces} {
		value := getenv(name)
		if value == "" {
			continue
		}
		if u, err := url.Parse(value); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return false, fmt.Errorf("%s: not an address such as http://localhost:4318", name) // its value may hold a secret
		}
		on = true
	}
	switch exporter := getenv(envExporter); exporter {
	case "", "otlp":
		return on, nil
	case "none":
		return false, nil
	default:
		return false, fmt.Errorf("%s %q: not supported; otlp or none", envExporter, exporter)
	}
}

// newExporter returns the exporter for the protocol that the variables name.
func newExporter(ctx context.Context, getenv func(string) string) (sdk.SpanExporter, error) {
	name, protocol := envProtoOf, getenv(envProtoOf)
	if protocol == "" {
		name, protocol = envProtocol, getenv(envProtocol)
	}
	switch protocol {
	case "", "http/protobuf":
		return otlptracehttp.New(ctx)
	case "grpc":
		return otlptracegrpc.New(ctx)
	}
	return nil, fmt.Errorf("%s %q: not supported; http/protobuf or grpc", name, protocol)
}

// newResource says who sends; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
func newResource(ctx context.Context, cfg Config) (*resource.Resource, error) {
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithSchemaURL(semconv.SchemaURL),
		resource.WithAttributes(
			semconv.ServiceName("ciso-assistant-dispatcher"), semconv.ServiceVersion(cfg.Version), semconv.ServiceInstanceID(cfg.Instance),
		), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %s", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	return about, nil
}
