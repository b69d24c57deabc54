// Package tracing tells OpenTelemetry what the process does: a trace for each
// job, with its attempts, their steps and the requests of these.
//
// # Purpose
//
// [Start] reads the standard OTEL_* variables. Without them there is no
// [Tracing] at all, and nobody on a job's path asks for one.
//
//	process observation     consumer; told of when the job has ended
//	└─ attempt              one for each
//	   ├─ step resolve
//	   │  └─ GET /applied-controls/    client; its id is passed to the API
//	   └─ step patch
//	      └─ PATCH /applied-controls/{id}/
//
// # Invariants
//
//   - A job's span and trace have ids that follow from the job: the trace is that
//     of the record's traceparent, else made of the job's id. So all attempts of a
//     job are in one trace, whichever process makes them, and its span is told
//     of once, by the process in which it ends.
//   - Messages, selectors, keys, the API's words and secrets are no attributes, and
//     no error text is: codes are. Of an address the query is left out.
//   - Nobody waits for the collector: what it does not take is dropped, and the
//     process ends within [shutdownTimeout] of it.
//
// # Failure cases
//
// A collector that is away is logged once in a while. Attempts that were cut off by
// the death of the process are not told of; their requests may have been.
package tracing
