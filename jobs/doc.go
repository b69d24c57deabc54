// Package jobs is the domain of the dispatcher: what a job is, which states it
// passes through, how a Kafka record becomes one, and in which order jobs run.
//
// # Purpose
//
// A job is one Kafka record (or one submitted message) that has to be carried
// out on CISO Assistant once, in the order of its key, or reported with a
// reason. The types here are shared by every other room and import none of them.
//
// # Invariants
//
//   - A job id names one record for ever: <topic>-<partition>-<offset>, with
//     "~2", "~3"… behind it when an operator had the record replayed.
//   - A job that ended (succeeded, failed, canceled, released) never runs again
//     unless an operator retries it.
//   - An [Envelope] carries its own Kafka coordinates; a payload is never
//     trusted by its position in a stream alone.
//
// The JOBS stream, which holds the payloads of unfinished jobs, is [Stream].
package jobs
