package jobs

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// castagnoli is the polynomial of all checksums on disk.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrDamaged says that bytes are not what was written.
var ErrDamaged = errors.New("record is damaged")

// Encoder appends values to a record: varints, and byte strings behind their
// length. A record ends with its checksum ([Encoder.Seal]).
type Encoder struct{ B []byte }

// Uint appends an unsigned number.
func (e *Encoder) Uint(v uint64) { e.B = binary.AppendUvarint(e.B, v) }

// Int appends a signed number.
func (e *Encoder) Int(v int64) { e.B = binary.AppendVarint(e.B, v) }

// String appends a text.
func (e *Encoder) String(s string) {
	e.Uint(uint64(len(s)))
	e.B = append(e.B, s...)
}

// Bytes appends bytes; nil stays distinct from empty.
func (e *Encoder) Bytes(b []byte) {
	if b == nil {
		e.Uint(0)
		return
	}
	e.Uint(uint64(len(b)) + 1)
	e.B = append(e.B, b...)
}

// Seal appends the checksum of everything from start on.
func (e *Encoder) Seal(start int) {
	e.B = binary.LittleEndian.AppendUint32(e.B, crc32.Checksum(e.B[start:], castagnoli))
}

// Decoder reads what an [Encoder] wrote. After damage everything reads as zero
// and Err says so.
type Decoder struct {
	b   []byte
	Err error
}

// OpenRecord checks a sealed record and returns a decoder of its content.
func OpenRecord(b []byte) Decoder {
	if len(b) < 4 {
		return Decoder{Err: ErrDamaged}
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return Decoder{Err: ErrDamaged}
	}
	return Decoder{b: body}
}

func (d *Decoder) fail() {
	d.Err, d.b = ErrDamaged, nil
}

// Uint reads an unsigned number.
func (d *Decoder) Uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// Int reads a signed number.
func (d *Decoder) Int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// raw takes n bytes without copying them.
func (d *Decoder) raw(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

// String reads a text.
func (d *Decoder) String() string { return string(d.raw(d.Uint())) }

// Skip passes over a text.
func (d *Decoder) Skip() { d.raw(d.Uint()) }

// Bytes reads bytes, a copy.
func (d *Decoder) Bytes() []byte {
	n := d.Uint()
	if n == 0 {
		return nil
	}
	return append([]byte{}, d.raw(n-1)...)
}

// Byte reads one byte.
func (d *Decoder) Byte() byte {
	if b := d.raw(1); b != nil {
		return b[0]
	}
	return 0
}

// More reports whether anything is left to read.
func (d *Decoder) More() bool { return d.Err == nil && len(d.b) > 0 }
