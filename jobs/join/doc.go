// Package join is who may come from other hosts, and what they are given for it.
//
// # Purpose
//
// A [Credential] is one key pair with a name and a role. [Credentials] keeps the
// public half of each in the data directory; the private half is in the join file
// ([File]), made once and never kept. [Authority] is the CA of the data
// directory, which the join file pins.
//
// # Invariants
//
//   - Whoever holds the data directory's lock is the only one who changes it.
//   - A change is synced before it is told. Files are readable by their owner only.
//   - A role is a list of subjects ([Credential.Rights]); all of them name the
//     credential's own public key, so that none can speak, or listen, for another.
//
// # Failure cases
//
// A file that cannot be read is an error: nobody is let in by mistake. Without the
// CA's key join files that were made before pin something that is gone: make new
// ones.
package join
