package jobs

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// envelopeVersion is the first byte of an encoded envelope.
const envelopeVersion = 1

// Encode appends the envelope's bytes to dst: they are what JOBS and the ledger
// keep, and end with a checksum.
func (e *Envelope) Encode(dst []byte) []byte {
	start := len(dst)
	enc := Encoder{B: append(slices.Grow(dst, e.size()), envelopeVersion)}
	enc.String(e.Topic)
	enc.Int(int64(e.Partition))
	enc.Int(e.Offset)
	enc.Uint(uint64(e.Replay))
	enc.Time(e.Timestamp)
	enc.Bytes(e.Key)
	enc.Uint(uint64(len(e.Headers)))
	for _, h := range e.Headers {
		enc.String(h.Name)
		enc.Bytes(h.Value)
	}
	enc.Bytes(e.Value)
	if o := e.Oversize; o != nil {
		enc.Int(o.Size)
		enc.B = append(enc.B, o.SHA256[:]...)
		enc.Bytes(o.Prefix)
		enc.B = append(enc.B, o.Record[:]...)
		enc.Int(o.Frame)
	}
	enc.Seal(start)
	return enc.B
}

// size is at least what [Envelope.Encode] appends, so that it allocates once.
func (e *Envelope) size() int {
	const numbers = 128 // varints, version and checksum, generously
	n := numbers + len(e.Topic) + len(e.Key) + len(e.Value)
	for _, h := range e.Headers {
		n += len(h.Name) + len(h.Value) + 2*binary.MaxVarintLen32
	}
	if e.Oversize != nil {
		n += 2*sha256.Size + len(e.Oversize.Prefix)
	}
	return n
}

// DecodeEnvelope reads what [Envelope.Encode] wrote.
func DecodeEnvelope(b []byte) (Envelope, error) {
	d := OpenRecord(b)
	if v := d.Byte(); d.Err == nil && v != envelopeVersion {
		return Envelope{}, fmt.Errorf("payload of version %d, this program reads %d: upgrade it", v, envelopeVersion)
	}
	e := Envelope{
		Topic:     d.String(),
		Partition: int32(d.Int()),
		Offset:    d.Int(),
		Replay:    int(d.Uint()),
		Timestamp: d.Time(),
		Key:       d.Bytes(),
	}
	for n := d.Uint(); n > 0 && d.Err == nil; n-- {
		e.Headers = append(e.Headers, Header{Name: d.String(), Value: d.Bytes()})
	}
	e.Value = d.Bytes()
	if d.More() {
		o := &Digest{Size: d.Int()}
		copy(o.SHA256[:], d.raw(32))
		o.Prefix = d.Bytes()
		copy(o.Record[:], d.raw(32))
		o.Frame = d.Int()
		e.Oversize = o
	}
	if d.More() {
		d.fail()
	}
	if d.Err != nil {
		return Envelope{}, fmt.Errorf("decode payload: %w", d.Err)
	}
	return e, nil
}

// Hash recognises the record: SHA-256 over key and value, each behind its
// length, as they were before [Envelope.Bound] described them.
func (e *Envelope) Hash() (sum [32]byte) {
	if e.Oversize != nil {
		return e.Oversize.Record
	}
	h := sha256.New()
	var n [8]byte
	for _, part := range [][]byte{e.Key, e.Value} {
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	h.Sum(sum[:0])
	return sum
}

// Time appends a time with nanoseconds; the zero time stays zero. Seconds and
// nanoseconds apart reach every year: a producer's timestamp may be any number.
func (e *Encoder) Time(t time.Time) {
	if t.IsZero() {
		e.Uint(0)
		return
	}
	e.Uint(uint64(t.Nanosecond()) + 1)
	e.Int(t.Unix())
}

// Time reads a time, in UTC.
func (d *Decoder) Time() time.Time {
	n := d.Uint()
	if n == 0 {
		return time.Time{}
	}
	if n > uint64(time.Second) {
		d.fail()
		return time.Time{}
	}
	return time.Unix(d.Int(), int64(n-1)).UTC()
}
