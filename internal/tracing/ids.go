package tracing

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"strconv"

	"go.opentelemetry.io/otel/trace"

	"dispatcher/jobs"
)

// idsKey is the context key of the ids that the next span gets.
type idsKey struct{}

// fixed are the ids of a job's span.
type fixed struct {
	trace trace.TraceID // if no record names one
	span  trace.SpanID
}

// fixedIDs are the same in every process that has the job. A job that an
// operator retried has a span for each of its lives.
func fixedIDs(job *jobs.Job) (f fixed) {
	name := job.ID + "\x00" + strconv.FormatInt(job.Source.Timestamp.UnixNano(), 10) + "\x00"
	traceSum := sha256.Sum256([]byte("trace\x00" + name))
	spanSum := sha256.Sum256([]byte("span\x00" + name + strconv.Itoa(job.BudgetFrom)))
	copy(f.trace[:], traceSum[:])
	copy(f.span[:], spanSum[:])
	return f
}

// ids is an [sdk.IDGenerator]: random ids, but for spans of jobs.
type ids struct{}

// NewIDs implements [sdk.IDGenerator].
func (ids) NewIDs(ctx context.Context) (t trace.TraceID, s trace.SpanID) {
	if f, ok := ctx.Value(idsKey{}).(fixed); ok {
		return f.trace, f.span
	}
	binary.BigEndian.PutUint64(t[:], rand.Uint64())
	binary.BigEndian.PutUint64(t[8:], rand.Uint64()|1) // zero is not valid
	return t, randomSpan()
}

// NewSpanID implements [sdk.IDGenerator].
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if f, ok := ctx.Value(idsKey{}).(fixed); ok {
		return f.span
	}
	return randomSpan()
}

func randomSpan() (s trace.SpanID) {
	binary.BigEndian.PutUint64(s[:], rand.Uint64()|1) // zero is not valid
	return s
}
