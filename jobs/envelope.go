package jobs

import "time"

// Header is one Kafka record header.
type Header struct {
	Name  string
	Value []byte
}

// Envelope is a Kafka record as JOBS keeps it: everything needed to carry the
// job out, to report it on the errors topic with its key and headers, and to
// recognise it (coordinates, so that a payload is never trusted by its place).
type Envelope struct {
	Topic     string
	Partition int32
	Offset    int64
	Replay    int
	Timestamp time.Time
	Key       []byte // nil if the record had none (differs from empty)
	Headers   []Header
	Value     []byte // nil if the record had none, or if Oversize says that it was not kept

	// Oversize is set for a value above [MaxValueBytes]: it is not kept, only
	// described, so that the job fails as invalid_message and is reported. See
	// [Envelope.Bound].
	Oversize *Digest
}

// Digest describes bytes that are not kept.
type Digest struct {
	Size   int64
	SHA256 [32]byte
	Prefix []byte   // at most 1 KiB
	Record [32]byte // what [Envelope.Hash] was before
	Frame  int64    // size of key and headers, if they are why; they are not kept either
}

// MaxValueBytes is the largest record value that becomes work (contract, "Messages").
const MaxValueBytes = 16 << 20
