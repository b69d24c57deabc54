package jobs

// Report names one end of a job that Kafka has yet to acknowledge: a job that is
// retried may end, and be reported, several times. N tells them apart.
type Report struct{ Seq, N uint64 }
