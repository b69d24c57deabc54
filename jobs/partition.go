package jobs

import "time"

// Interval is a run of Kafka offsets, both ends included.
type Interval struct{ From, To int64 }

// Mark recognises a record: what the log must still hold at Offset unless the
// topic was recreated.
type Mark struct {
	Offset    int64
	Timestamp time.Time
	Hash      [32]byte // SHA-256 of key and value, see [Envelope.Hash]
}

// PartitionState is what the ledger knows of one Kafka partition.
type PartitionState struct {
	Partition
	Cursor    int64  // next offset to read
	Replay    int    // which reading of the log this is, from 1
	Last      *Mark  // last record taken; nil before the first
	StreamSeq uint64 // JOBS sequence of the last record taken
	Committed int64  // last offset committed to Kafka, -1 if none
	Expired   int64  // offsets that Kafka dropped before they were read
}

// Intake is what one fetched batch of a partition (or of submitted messages)
// brings into the ledger, in one transaction.
type Intake struct {
	Partition Partition    // zero for submitted messages
	Jobs      []*Job       // in offset order; Seq is given by the ledger; Queued, or Failed with a Failure
	Payloads  [][]byte     // encoded envelopes of the jobs that are born failed (nil for the others); same length as Jobs, or nil
	From      int64        // first offset that the batch covers
	Next      int64        // the cursor afterwards: offsets in [From, Next) without a job count as finished
	Mark      *Mark        // last record of the batch; nil leaves the former
	StreamSeq uint64       // its JOBS sequence; 0 leaves the former
	Audits    []AuditEntry // of submitted jobs, who asked for them; as long as Jobs, or nil
}

// TakeResult tells what became of each job of an [Intake], by index.
type TakeResult uint8

const (
	Taken      TakeResult = iota // new; its Seq is set
	Duplicate                    // ended before: dropped
	Reattached                   // still unfinished: the known job has the payload again, Seq is the known one
)
