package jobs

import "crypto/sha256"

// MaxFrameBytes is the most that key, headers and topic of a record may need
// beside its value. It is Kafka's own default for a whole record.
const MaxFrameBytes = 1 << 20

// maxPrefix is how much of a value that is not kept is shown.
const maxPrefix = 1 << 10

// Bound describes what is too large to be kept instead of keeping it, so that
// every record fits JOBS: a value above [MaxValueBytes], or a record whose key
// and headers are above [MaxFrameBytes] (those are dropped too, a long key down
// to its beginning).
func (e *Envelope) Bound() {
	frame := e.size() - len(e.Value)
	if len(e.Value) <= MaxValueBytes && frame <= MaxFrameBytes || e.Oversize != nil {
		return
	}
	e.Oversize = &Digest{
		Record: e.Hash(),
		Size:   int64(len(e.Value)),
		SHA256: sha256.Sum256(e.Value),
		Prefix: append([]byte(nil), e.Value[:min(len(e.Value), maxPrefix)]...),
	}
	e.Value = nil
	if frame > MaxFrameBytes {
		e.Oversize.Frame = int64(frame)
		e.Headers = nil
		e.Key = append([]byte(nil), e.Key[:min(len(e.Key), maxPrefix)]...)
	}
}

// failure says why a record that was not kept cannot be carried out.
func (d *Digest) failure() *Failure {
	if d.Frame > 0 {
		return invalid("key and headers of the message have %d bytes, more than the %d that are accepted: send less with it", d.Frame, MaxFrameBytes)
	}
	return invalid("the message has %d bytes (SHA-256 %x), more than the %d that are accepted: send files by S3", d.Size, d.SHA256, MaxValueBytes)
}
