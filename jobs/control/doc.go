// Package control is how operators and their scripts see and steer jobs: the
// JSON they get, and the API over NATS by which `dispatcher jobs` talks to the
// process that owns the data directory.
//
// # Purpose
//
// [Backend] is the API. [Desk] answers it from the ledger, with the scheduler's
// help when one runs; [Serve] offers a Backend on a NATS connection and
// [Client] uses one from there. When no process owns the data directory, the
// command opens the ledger itself and asks a Desk with an idle scheduler. A
// [Feed] is what those see who watch.
//
// Operators on other hosts use the same API below a subject of their own key
// ([ServeOperators]); [Keys] is who may come from there, and for the owner of the
// data directory only.
//
// # Invariants
//
//   - An answer that says that something was changed comes after its sync.
//   - Names in the JSON are an interface, see docs: none is ever renamed.
//   - Lists are paged; no request holds a read transaction for long.
//   - A change of many jobs takes the oldest first, in batches that are each
//     durable before the next, and goes on when its client has gone.
//   - Nobody who watches makes the scheduler wait: what is too fast is lost to
//     them, and they are told how much.
//
// # Failure cases
//
// A client hears every half second that its request is being worked on; when
// it does not for a minute, or the connection ends, that is an error, and nothing
// is assumed about the request. A program of another [Version] is refused.
package control
