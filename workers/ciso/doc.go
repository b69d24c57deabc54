// Package ciso is the REST client of CISO Assistant: what the dispatcher needs
// of its API, with the API's traps handled.
//
// # Purpose
//
// Find the objects that a selector means ([Client.Resolve]), change them
// ([Client.Update]), and add evidence, revisions and links. Every error that
// comes out is a [jobs.Failure], a [jobs.TransientError], a [jobs.HoldError],
// a context error, or [ErrGone]; the caller never looks at status codes.
//
// # Invariants
//
//   - Nothing is written to an object that was not seen to match: unknown
//     filters are ignored by the API (core/views.py, django-filter), so every row
//     that comes back is checked against the selector.
//   - A request body always has a length: a chunked one is read as empty, and a
//     PATCH of it answers 200 and changes nothing.
//   - Redirects of writes are never followed: a 301 turns a PATCH into a GET,
//     whose 200 looks like success. The token goes to the API's origin only.
//   - An answer is never taken for that of another request: a connection carries
//     one at a time, and is closed when its answer was not read to the end, or
//     when something came that nobody asked for.
//   - Only an answer of the API itself can fail a job. HTML, redirects, timeouts
//     and server errors are somebody else's word: the API is asked again
//     ([Client.Probe]) before anything is held against a job.
//
// # Failure cases
//
//   - A write that got no answer may still land: its error is an
//     [UnansweredError], and the object is then kept from other jobs for a while.
//   - One object that always fails spends its own job's attempts. Several that
//     fail with no success in between open a breaker, one for reads and one for
//     writes: a hold, until one request has worked again.
//   - A proxy that refuses one request while the API answers holds the work
//     twice, then that request spends its own attempts: it must not stop others.
//   - A token that has lost its rights finds nothing, and every job would fail:
//     after twenty different misses in a row the rights are looked at.
//   - What is remembered (folders, audits, the nodes of frameworks, what the
//     server cannot do) may be old: every outcome that could be due to it has it
//     looked up again before a job fails.
package ciso
