// Package ingest is the Kafka side: it turns records into jobs, keeps the
// group's commit at the oldest unfinished one, and reports failures.
//
// # Purpose
//
// Kafka is the log that outlives a host. One process of the group is active and
// reads all partitions ([Group]); the others stand by. A fetched batch is
// appended to JOBS (synced), then taken into the ledger, and only the end of its
// jobs moves the commit. Beside that, a [View] looks at a cluster from outside,
// and a [Shadow] reads along in a group of its own.
//
// # Invariants
//
//   - The committed offset is the lowest unfinished one and never goes back; its
//     metadata names the finished offsets above it, of which only the highest may
//     be left out: an older job is never redone below a newer one that is skipped.
//   - On assignment the commit is the evidence of what others did ([decide]).
//   - Nobody works unless a generation of the group says so: when one ends,
//     nothing is begun, running requests end within the session timeout, the last
//     state is committed, and only then the group is joined again.
//   - Nothing is begun when the last heartbeat that was answered is older than the
//     session timeout ([session.pulse]), also if nothing else has told yet.
//   - A topic is never created here, not by accident either: joining, reading and
//     kafka-go's ReadPartitions would do it, so the topic is looked up first.
//   - An error record, or a result, is delivered when all in-sync replicas have it.
//   - What operators submit ([Submitter]) goes the same way: JOBS, then the
//     ledger, caught up at start. Its id is in the message, so that it is one job
//     however often it is handed over.
//
// # Failure cases
//
// Every trouble with Kafka is a hold with its reason (kafka_down), said at once
// and each minute, and tried again; [Group.Run] ends only with its context. A
// recreated topic is read anew (ids end in ~2), a truncated one is held until an
// operator says so. After any trouble of a reader nothing that came since is
// believed before the log is proven to be the same ([trouble]). A full store pauses reading: Kafka keeps the backlog.
package ingest
