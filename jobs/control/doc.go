// Package control is how operators and their scripts see and steer jobs: the
// JSON they get, and the API over NATS by which `dispatcher jobs` talks to the
// process that owns the data directory.
//
// # Purpose
//
// [Backend] is the API. [Desk] answers it from the ledger, with the scheduler's
// help when one runs; [Serve] offers a Backend on a NATS connection and
// [Client] uses one from there. When no process owns the data directory, the
// command opens the ledger itself and asks a Desk without scheduler.
//
// # Invariants
//
//   - An answer that says that something was changed comes after its sync.
//   - Names in the JSON are an interface, see docs: none is ever renamed.
//   - Lists are paged; no request holds a read transaction for long.
//
// # Failure cases
//
// A request that nobody answers within its time is an error that names the
// process's data directory; nothing is assumed about it.
package control
