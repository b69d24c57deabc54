package jobs

import "time"

// Ending is all that the ledger records, in one transaction, when a job ends.
type Ending struct {
	Job     Job         // State is Succeeded, Failed, Canceled or Released
	Attempt *Attempt    // of a failure; nil otherwise
	Steps   []Step      // recorded since the last checkpoint
	Payload []byte      // encoded envelope, kept with a failed or canceled job; nil: the ledger has it
	Audit   *AuditEntry // of an operator who ended it
	Report  bool        // of a success: it goes to the results topic, with Payload
}

// Counts are the ledger's totals, kept and not counted.
type Counts struct {
	States  map[State]int
	Codes   map[Code]int // of failed jobs
	Outbox  int          // error records that Kafka has not acknowledged
	Results int          // results that it has not
}

// Leased is a claim of a worker on another host that may write objects.
type Leased struct {
	Seq     uint64 // of the job
	Epoch   uint64
	Holder  string
	Worker  string // as people know it
	Objects []string
}

// Quarantined is an object whose last write got no answer: until then only the
// job with sequence Seq may write it.
type Quarantined struct {
	Object string    `json:"object"`
	Seq    uint64    `json:"seq"`
	Until  time.Time `json:"until"`
}
