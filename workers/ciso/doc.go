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
//   - Only an answer of the API itself can fail a job. HTML, redirects, timeouts
//     and server errors are somebody else's word: the API is asked again
//     ([Client.Probe]) before anything is held against a job.
//
// # Failure cases
//
// A write that got no answer may still land: its error is an [UnansweredError],
// and the object is then kept from other jobs for a while.
package ciso
