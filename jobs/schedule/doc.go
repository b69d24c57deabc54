// Package schedule decides which job runs next, and is told how it ended.
//
// # Purpose
//
// The scheduler is the ledger's projection in memory of all unfinished jobs. It
// hands them to workers (Claim), grants the right to write objects (Lock), takes
// recorded steps (Checkpoint) and outcomes (Finish), and writes all of it to the
// ledger before anything that depends on it happens.
//
// # Invariants
//
//   - Order per key: a job is claimed only when no earlier job of its key
//     (its lane) is unfinished. The lane is freed after the outcome's sync.
//   - One writer per object: an object is granted to one job at a time, all
//     objects of a job at once, in the order of asking, so that no two jobs can
//     wait for each other. Locks end with the attempt.
//   - Quarantine: an object whose last write got no answer is given to no other
//     job until that write cannot land any more.
//   - Each claim has a new epoch; a report with an old one is refused with
//     [jobs.ErrStale] and changes nothing.
//   - Nothing is claimed unless the process is active ([Scheduler.Activate])
//     and no hold of its scope is set. A hold spends no attempt. Whether the
//     process may still be active is asked before each claim and each write
//     ([Scheduler.Renew]): a session that was slept away is over at once.
//   - A claim of a worker on another host is a lease ([Scheduler.Lease]). It ends
//     unless it is renewed, and only an active scheduler renews; before it has
//     ended its job and objects are given to nobody. The ledger knows of it before
//     the first write, so that the next process gives it the time of a whole lease.
//   - What is known ahead is bounded: [Scheduler.WaitRoom] blocks ingest at
//     MaxUnfinished jobs. While jobs end quickly and enough of them could run it
//     delays ingest earlier, so that what comes need not be read from JOBS again; it
//     never stops it for that.
//
// # Failure cases
//
//   - The ledger refuses an outcome (disk full): the outcome is kept and tried
//     again until it is stored; its lane and locks stay taken meanwhile. Nothing
//     is claimed that has no place in the slot file. All of that is a hold.
//   - The process dies: the jobs that were in hand stand in the slot file, with
//     the objects that they may have written. They are marked as resumed, their
//     objects are quarantined, and a job found there twice runs alone, the third
//     time it fails (code crashed), so that no job can kill the process for ever.
//   - A worker on another host dies, or is cut off: its lease ends, that spends an
//     attempt, its objects are quarantined, and the job goes on at its step.
//   - The host dies: the slot file, which is never synced, may be older than the
//     ledger. It only ever names too many or too few jobs; a resumed attempt
//     looks before it creates because creating steps sync their intent.
//   - JOBS lost a message: it is read from its origin again; if that has lost it
//     too, its job fails and its key goes on.
package schedule
