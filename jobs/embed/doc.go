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
//   - It listens on loopback only, and a client needs the credential in the
//     access file, which only the owner of the data directory can read.
//   - The store directory is protected by the ledger's lock: open the ledger
//     first. The server itself would share it with a second one and destroy it.
//
// # Failure cases
//
// Write errors of the server's store (disk full) are sticky: [Server.Restart]
// starts it anew in the process once there is room.
package embed
