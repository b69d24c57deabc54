package tracing

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"dispatcher/workers/ciso"
)

// Request begins the span of a request (semantic conventions of HTTP clients)
// and names it in its headers; see [ciso.Tracer].
func (t *Tracing) Request(ctx context.Context, route ciso.Route, method string, to *url.URL, header http.Header) func(status int, err error) {
	name := route.Method + " " + route.Path
	if route.Path == "other" {
		name = method
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(aboutRequest(route, method, to)...))
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(header))
	return func(status int, err error) {
		switch {
		case err != nil:
			failed(span, errorType(err))
		case status >= http.StatusBadRequest:
			failed(span, strconv.Itoa(status))
		}
		if status != 0 {
			span.SetAttributes(semconv.HTTPResponseStatusCode(status))
		}
		span.End()
	}
}

// aboutRequest leaves the query out: it is made of the message's selector.
func aboutRequest(route ciso.Route, method string, to *url.URL) []attribute.KeyValue {
	full := url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}
	list := []attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String(method), semconv.URLFull(full.String()), semconv.URLTemplate(route.Path),
		semconv.ServerAddress(to.Hostname()),
	}
	port, err := strconv.Atoi(to.Port())
	switch {
	case err == nil:
	case to.Scheme == "https":
		port = 443
	default:
		port = 80
	}
	return append(list, semconv.ServerPort(port))
}

// errorType is the kind of an error, without its text.
func errorType(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Sprintf("%T", err)
}
