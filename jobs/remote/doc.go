// Package remote is how workers on other hosts have their part in the
// scheduler: a [Server] beside it, and a [Client] that looks to the workers like
// the scheduler itself.
//
// # Purpose
//
// Requests and answers over NATS, one subject for each kind below the worker's
// own public key, so that the server decides who speaks and never believes it.
// A claim is a long poll, or comes with the answer to an outcome. All leases that a process has are renewed by one
// request every sixth of a lease, which also tells what stands still there.
//
// # Invariants
//
//   - No request to the API outlives its lease. The client counts it from before
//     its renewal was sent, less a tenth, with a clock that goes on while the host
//     sleeps, and asks it right before each request ([jobs.Claim.Valid]).
//   - The server prolongs a lease only while its process is active, and believes
//     only the holder: key and process.
//   - What can be repeated after an answer got lost is repeated: asking for locks,
//     steps, outcomes. An outcome is sent until it is taken or refused.
//   - A claim whose answer got lost is given back: it has no locks.
//   - Times cross as durations, or are moved by the difference of the clocks.
//
// # Failure cases
//
// The connection breaks, or run ends: the client connects again by itself, to each
// host of its join file; leases go on as far as they were. The client stops or is
// cut off: the lease ends, see package schedule. Another version of the protocol is
// refused with a word.
package remote
