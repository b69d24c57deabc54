// Package embed runs the NATS server that lives inside the dispatcher.
//
// # Purpose
//
// One small place starts the server, connects to it in the process, and hands
// the connection around. Nothing else knows that the server is embedded.
//
// # Invariants
//
//   - Every write of the store is synced before it is acknowledged
//     (SyncAlways); the effective value is checked at start.
//   - A stream whose files are there but cannot be read is an error at start.
//     The server itself only logs it, and would put a new one in its place.
//   - So is a sequence that a flipped bit has made very large: the server would
//     count up to it, and never be done.
//   - Other hosts are let in by a server of their own ([Listener]), which has no
//     store: TLS only, a key for each, and only the subjects of that key.
//   - It listens on loopback only, and a client needs the credential in the
//     access file, which only the owner of the data directory can read. Such a
//     client can ask the control API and hears nothing else.
//   - The store directory is protected by the ledger's lock: open the ledger
//     first. The server itself would share it with a second one and destroy it.
//
// # Failure cases
//
// After a write error (disk full) the server's store takes nothing more, does
// not answer, and shows messages that are not on disk, until [Server.Restart].
// jobs.Stream notices that. A restart closes the connection, so that nothing
// waits for answers of the former server; local clients find the new one at the
// same address. What the server calls fatal is an error of [Start]. A crash
// between the two files that describe a stream is mended at the next start.
package embed
