package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// Bounds of one atomic batch: the server's limit of messages, and of bytes so
// that memory stays bounded.
const (
	MaxBatchMessages = 1000
	MaxBatchBytes    = 8 << 20
)

// Codes of the JetStream API (nats-server errors.json).
const (
	codeWrongLastSequence         = 10071
	codeWrongLastSequenceConstant = 10164
	codeStoreFailed               = 10077
	codeInsufficientResources     = 10023
	codeStorageExceeded           = 10047
)

// Append stores the records of one partition, in order, and returns their
// sequences after the sync. after is the sequence of the last message of the
// partition that the caller knows, 0 for none: if another one is there the
// batch is refused whole ([ErrFenced]). A batch is all or nothing; what exceeds
// the bounds of one is split, and on an error the sequences of the parts that
// were stored are returned with it.
func (s *Stream) Append(ctx context.Context, p Partition, envs []Envelope, after uint64) (seqs []uint64, err error) {
	conn := s.conn()
	for len(envs) > 0 {
		var batch []*nats.Msg
		bytes := 0
		for len(batch) < len(envs) && len(batch) < MaxBatchMessages {
			msg := &nats.Msg{Subject: subject(p), Data: envs[len(batch)].Encode(nil)}
			if bytes += len(msg.Data); bytes > MaxBatchBytes && len(batch) > 0 {
				break
			}
			batch = append(batch, msg)
		}
		last, err := appendBatch(ctx, conn, batch, after)
		if err != nil {
			return seqs, fmt.Errorf("append %d records of %s to JOBS: %w", len(batch), p, err)
		}
		for i := range batch {
			seqs = append(seqs, last-uint64(len(batch)-1-i))
		}
		after = last
		envs = envs[len(batch):]
	}
	return seqs, nil
}

// appendBatch publishes one atomic batch, or a lone message plainly (which is
// cheaper), and returns the sequence of its last message.
func appendBatch(ctx context.Context, conn *nats.Conn, batch []*nats.Msg, after uint64) (last uint64, err error) {
	first := batch[0]
	first.Header = nats.Header{}
	first.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(after, 10))
	final := batch[len(batch)-1]
	if len(batch) > 1 {
		id := nuid.Next()
		for i, msg := range batch {
			if msg.Header == nil {
				msg.Header = nats.Header{}
			}
			msg.Header.Set("Nats-Batch-Id", id)
			msg.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		}
		final.Header.Set("Nats-Batch-Commit", "1")
		for _, msg := range batch[:len(batch)-1] {
			if err := conn.PublishMsg(msg); err != nil {
				return 0, err
			}
		}
	}
	reply, err := conn.RequestMsgWithContext(ctx, final)
	if err != nil {
		return 0, err
	}
	return readAck(reply.Data)
}

// readAck reads a publish acknowledgement.
func readAck(data []byte) (last uint64, err error) {
	var ack struct {
		Seq   uint64              `json:"seq"`
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(data, &ack); err != nil {
		return 0, fmt.Errorf("read acknowledgement %q: %w", cut(string(data), 80), err)
	}
	if ack.Error == nil {
		return ack.Seq, nil
	}
	text := ack.Error.Description
	switch {
	case ack.Error.ErrorCode == codeWrongLastSequence, ack.Error.ErrorCode == codeWrongLastSequenceConstant:
		return 0, fmt.Errorf("%w (%s)", ErrFenced, text)
	case strings.Contains(text, "maximum bytes"):
		return 0, fmt.Errorf("%w (%s)", ErrLimit, text)
	case ack.Error.ErrorCode == codeStoreFailed, ack.Error.ErrorCode == codeInsufficientResources, ack.Error.ErrorCode == codeStorageExceeded,
		strings.Contains(text, "no space"):
		return 0, fmt.Errorf("%w (%s)", ErrStoreFull, text)
	}
	return 0, errors.New(text)
}
