package tracing

import (
	"context"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"dispatcher/jobs"
)

// Attributes of our own.
const (
	attrJob     = attribute.Key("dispatcher.job.id")
	attrType    = attribute.Key("dispatcher.job.type")
	attrState   = attribute.Key("dispatcher.job.state")
	attrTries   = attribute.Key("dispatcher.job.attempts")
	attrAttempt = attribute.Key("dispatcher.attempt")
	attrOutcome = attribute.Key("dispatcher.attempt.outcome")
	attrStep    = attribute.Key("dispatcher.step")
)

// headers are those of a record, as a [propagation.TextMapCarrier].
type headers map[string]string

func (h headers) Get(name string) string { return h[name] }
func (h headers) Set(name, value string) { h[name] = value }
func (h headers) Keys() []string         { return nil }

// start begins the span of a job, with the ids that it always has. Whoever only
// wants to be below it leaves it without an end: then nobody hears of it.
func (t *Tracing) start(ctx context.Context, job *jobs.Job, tracestate string) (context.Context, trace.Span) {
	ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{}) // below no other
	if job.Trace != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, headers{"traceparent": job.Trace, "tracestate": tracestate})
	}
	below, span := t.tracer.Start(context.WithValue(ctx, idsKey{}, fixedIDs(job)), spanName(job),
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(job.ReceivedAt), trace.WithAttributes(t.about(job)...))
	return context.WithValue(below, idsKey{}, nil), span // those below have ids of their own
}

// spanName is low in cardinality: the operation and the topic.
func spanName(job *jobs.Job) string {
	if job.Submitted {
		return "process submission"
	}
	return "process " + job.Source.Topic
}

// about are the attributes of a job's span (semantic conventions of messaging).
func (t *Tracing) about(job *jobs.Job) []attribute.KeyValue {
	list := []attribute.KeyValue{attrJob.String(job.ID), semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName("process")}
	if job.Type != "" {
		list = append(list, attrType.String(job.Type))
	}
	if job.Submitted {
		return list
	}
	return append(list, semconv.MessagingSystemKafka, semconv.MessagingDestinationName(job.Source.Topic),
		semconv.MessagingDestinationPartitionID(strconv.Itoa(int(job.Source.Partition))), semconv.MessagingKafkaOffset(int(job.Source.Offset)),
		semconv.MessagingConsumerGroupName(t.group))
}

// Ended tells of a job that has ended. One that another process does is told of
// there.
func (t *Tracing) Ended(job *jobs.Job) {
	if job.State == jobs.Released {
		return
	}
	_, span := t.start(context.Background(), job, "")
	span.SetAttributes(attrState.String(job.State.String()), attrTries.Int(job.Attempts))
	if job.State == jobs.Failed && job.Failure != nil {
		failed(span, string(job.Failure.Code))
	}
	span.End(trace.WithTimestamp(job.FinishedAt))
}

// failed marks a span. Why is left out: it may quote the message.
func failed(span trace.Span, code string) {
	span.SetAttributes(semconv.ErrorTypeKey.String(code))
	span.SetStatus(codes.Error, "")
}

// Attempt begins the span of an attempt; see [workers.Tracer].
func (t *Tracing) Attempt(ctx context.Context, claim *jobs.Claim) (context.Context, func(*jobs.Outcome)) {
	ctx, _ = t.start(ctx, &claim.Job, header(&claim.Payload, "tracestate"))
	ctx, span := t.tracer.Start(ctx, "attempt", trace.WithAttributes(attrJob.String(claim.ID), attrAttempt.Int(claim.Job.Attempts+1)))
	return ctx, func(o *jobs.Outcome) {
		span.SetAttributes(attrOutcome.String(o.Kind.String()))
		switch {
		case o.Failure != nil:
			failed(span, string(o.Failure.Code))
		case o.Reason != "":
			failed(span, string(o.Reason))
		}
		span.End()
	}
}

func header(e *jobs.Envelope, name string) string {
	for _, h := range e.Headers {
		if h.Name == name {
			return string(h.Value)
		}
	}
	return ""
}

// Step begins the span of a step; see [workers.Tracer].
func (t *Tracing) Step(ctx context.Context, name string) (context.Context, func(error)) {
	kind, _, _ := strings.Cut(name, "/") // patch/<id>
	ctx, span := t.tracer.Start(ctx, "step "+kind, trace.WithAttributes(attrStep.String(kind)))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
