// Package store is the ledger: one bbolt file that records what has been done
// about each job, and is the only judge of a job's state.
//
// # Purpose
//
// JOBS holds the work still to do; the ledger holds order, state, steps,
// attempts, history, and how far each Kafka partition is finished. Its
// transactions are named after what they mean ([Ledger.Take], [Ledger.End], …).
//
// # Invariants
//
//   - The file's lock is the lock of the whole data directory: whoever has it
//     knows that no other dispatcher works there.
//   - A method that writes returns after the sync, or with an error and nothing
//     changed (except Checkpoint without sync, and Committed, which ride along).
//     One goroutine commits: it takes all writes that wait into one transaction.
//   - A Kafka offset counts as finished when its job has ended and, if it
//     failed, its error record (or its result, if those are sent) is acknowledged; offsets that do not exist count
//     as finished. This is kept apart from job records, which expire.
//   - Each record carries a checksum; a damaged one is refused by name.
//
// # Buckets
//
//	meta        schema, identity, commit counter, counts, small things
//	open        sequence → record of an unfinished job
//	done        sequence → record of an ended job, with its last steps
//	ids         job id → sequence
//	ended       class, time, sequence: the order in which records are forgotten
//	steps, attempts, audit   sequence, number → record
//	payloads    sequence → envelope of a failed or canceled job, of one whose
//	            result waits, or of one moved out of JOBS
//	outbox      sequence, number of a failure whose error record is not acknowledged → the job then, if retried since
//	            its record as it failed, if it was retried since
//	results     sequence of a succeeded job whose result is not acknowledged
//	keys        ordering key → failed jobs of it, last success
//	partitions  partition → cursor, mark, commit
//	finished    partition, first offset → last offset of a finished run
//	quarantine  object → job, until
//	leases      sequence → claim of a worker on another host, with the objects that it may write
//	idempotent  idempotency key → the job that owns it
//	replayed    id of a job that was made of a record of the errors topic, as long as
//	            the record is there and retention.failed has not passed
//
// # Failure cases
//
//   - No space: the writes of that transaction fail with [ErrFull], nothing of
//     them is stored, and later ones work again once there is room.
//   - The process or host dies: bbolt's two meta pages leave the last synced
//     transaction whole.
//   - A flipped bit: bbolt's own checks or the record's checksum find it, at
//     open or when it is read ([ErrDamaged]); nothing is passed over. What nobody
//     may read for long is read once after the start ([Ledger.Check]).
package store
