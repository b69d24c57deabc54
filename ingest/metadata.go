package ingest

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"

	"dispatcher/internal/safeguard"
	"dispatcher/jobs"
)

// maxMetadata is what a broker takes (offset.metadata.max.bytes).
const maxMetadata = 4096

// metadataVersion begins the metadata of a commit of ours.
const metadataVersion = "d1"

// commitMetadata is what a commit says beside its offset.
type commitMetadata struct {
	identity string // of the ledger that committed
	counter  uint64 // of its commits
	finished []jobs.Interval
}

// encode renders metadata for a commit at low: version, identity, counter, and
// the finished runs as pairs of varints, the distance from the end of the run
// before and the length. Of runs that do not fit the highest are left out.
func (m commitMetadata) encode(low int64) string {
	head := metadataVersion + ":" + m.identity + ":" + strconv.FormatUint(m.counter, 10) + ":"
	room := (maxMetadata - len(head)) / 4 * 3
	var b []byte
	at := low
	if safeguard.Off("highest runs") { // leaves the lowest out
		m.finished = m.finished[max(0, len(m.finished)-room/2):]
	}
	for _, run := range m.finished {
		next := binary.AppendUvarint(b, uint64(run.From-at))
		next = binary.AppendUvarint(next, uint64(run.To-run.From))
		if len(next) > room {
			break
		}
		b, at = next, run.To+1
	}
	return head + base64.RawURLEncoding.EncodeToString(b)
}

// decodeMetadata reads the metadata of a commit at low; ok is false if it is
// not ours: another consumer's, or an operator's reset.
func decodeMetadata(raw string, low int64) (m commitMetadata, ok bool) {
	parts := strings.Split(raw, ":")
	if len(parts) != 4 || parts[0] != metadataVersion {
		return m, false
	}
	counter, err := strconv.ParseUint(parts[2], 10, 64)
	if err != nil {
		return m, false
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil {
		return m, false
	}
	m = commitMetadata{identity: parts[1], counter: counter}
	for at := low; len(b) > 0; {
		gap, n := binary.Uvarint(b)
		if n <= 0 || gap > 1<<62 {
			return commitMetadata{}, false
		}
		length, k := binary.Uvarint(b[n:])
		if k <= 0 || length > 1<<62 || at < 0 || uint64(at)+gap+length > 1<<62 {
			return commitMetadata{}, false
		}
		b = b[n+k:]
		run := jobs.Interval{From: at + int64(gap), To: at + int64(gap) + int64(length)}
		m.finished = append(m.finished, run)
		at = run.To + 1
	}
	return m, true
}
