// Package workers carries jobs out: it claims them, runs the workflow of their
// type step by step, and reports how the attempt ended.
//
// # Purpose
//
// A workflow is plain Go; [Do] makes a step of it durable. A [Pool] runs a
// number of attempts at a time. A [Gate] stops everything while an outside party
// is away, asks it gently, and lets work go on. There is one workflow per
// message type: [Update] and [Upload]. A [Planner] runs the same workflows on an
// API whose writes only take notes.
//
// # Invariants
//
//   - A step recorded as done is never carried out again, and a step's name is
//     its own within its job.
//   - No object is written without its lock ([Run.Lock]).
//   - A step that creates something has its intent synced first ([DoOnce]); a
//     later attempt looks for the effect before it creates again, and needs the
//     file of an upload only if it is not there.
//   - What a selector matched is stored before the first write if that write
//     could change what it matches; a second look would then find other objects.
//   - A first try spends no request that only a later one needs, and a job with
//     one idempotent write stores nothing but its outcome.
//   - Away from the run host (PoolConfig.Away) a few jobs are claimed before there
//     is a place for them, and an attempt lends its place while its locks are
//     synced: never more than Concurrency are carried out at a time.
//   - Waiting (holds, locks, shutdown) spends no attempt, and a hold that is set
//     is always probed.
//
// # Failure cases
//
// A workflow that panics spends an attempt; the process lives. A write without
// an answer leaves its object in quarantine for other jobs. When the process
// ends within its grace, running attempts are given back with what they have.
package workers
