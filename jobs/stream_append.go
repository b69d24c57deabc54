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

	"dispatcher/internal/safeguard"
)

// Bounds of one atomic batch: the server's limit of messages, and of bytes so
// that memory stays bounded.
const (
	MaxBatchMessages = 1000
	MaxBatchBytes    = 8 << 20
)

// maxAppends is how many batches are under way at once. The server stores them
// one after the other, and refuses when too many of them, or more than 128 MiB,
// wait.
const maxAppends = 4

// Append stores the records of one partition, in order, and returns their
// sequences after the sync. after is the sequence of the last message of the
// partition that the caller knows, 0 for none: if another one is there the
// batch is refused whole ([ErrFenced]). A batch is all or nothing; what exceeds
// the bounds of one is split, and on an error the sequences of the parts that
// were stored are returned with it.
//
// An ended ctx keeps the next batch from being begun; the answer to one that was
// sent is waited for. When none came ([ErrStoreFull]) the records may be there
// nevertheless, all or the first of them, once the server was started again.
func (s *Stream) Append(ctx context.Context, p Partition, envs []Envelope, after uint64) (seqs []uint64, err error) {
	for len(envs) > 0 {
		batch := envs[:batchLen(envs)]
		last, err := s.appendBatch(ctx, subject(p), batch, after)
		if err != nil {
			return seqs, fmt.Errorf("append %d records of %s to JOBS: %w", len(batch), p, err)
		}
		s.sawLast(p, last)
		for i := range batch {
			seqs = append(seqs, last-uint64(len(batch)-1-i))
		}
		after = last
		envs = envs[len(batch):]
	}
	return seqs, nil
}

// batchLen is how many of envs one batch takes.
func batchLen(envs []Envelope) (n int) {
	for bytes := 0; n < len(envs) && n < MaxBatchMessages; n++ {
		if bytes += envs[n].size(); bytes > MaxBatchBytes && n > 0 {
			break
		}
	}
	return n
}

// appendBatch stores one atomic batch, or a lone message plainly (which is
// cheaper), and returns the sequence of its last message.
func (s *Stream) appendBatch(ctx context.Context, to string, batch []Envelope, after uint64) (last uint64, err error) {
	select {
	case s.appends <- struct{}{}:
		defer func() { <-s.appends }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if err := ctx.Err(); err != nil { // both may have been ready
		return 0, err
	}
	conn, err := s.healthy(ctx)
	if err != nil {
		return 0, err
	}
	last, err = s.publish(ctx, conn, to, batch, after)
	if errors.Is(err, errIncomplete) {
		last, err = s.publish(ctx, conn, to, batch, after)
	}
	if errors.Is(err, errJammed) {
		s.jam(conn, err)
	}
	return last, err
}

// publish sends a batch and waits for the answer to its last message.
func (s *Stream) publish(ctx context.Context, conn *nats.Conn, to string, batch []Envelope, after uint64) (last uint64, err error) {
	msg := &nats.Msg{Subject: to, Header: nats.Header{}} // the same for all: it is copied when it is sent
	id, final := nuid.Next(), len(batch)-1
	for i := range batch {
		stamp(msg.Header, id, i, len(batch), after)
		msg.Data = batch[i].Encode(msg.Data[:0])
		if i == final {
			break
		}
		if err := conn.PublishMsg(msg); err != nil {
			return 0, s.unanswered(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.patience)
	defer cancel()
	reply, err := conn.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return 0, s.unanswered(err)
	}
	return readAck(reply.Data, len(batch))
}

// stamp makes the header of message i of a batch of n (ADR-50).
func stamp(h nats.Header, id string, i, n int, after uint64) {
	clear(h)
	if i == 0 && !safeguard.Off("expected sequence") {
		h.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(after, 10))
	}
	if n == 1 {
		return
	}
	h.Set("Nats-Batch-Id", id)
	h.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
	if i == n-1 {
		h.Set("Nats-Batch-Commit", "1")
	}
}

var (
	// errJammed is an [ErrStoreFull] that stays until the server is started again.
	errJammed = fmt.Errorf("%w: its files cannot be written", ErrStoreFull)
	// errIncomplete is an errJammed that passes if the process only stood still
	// (suspended) while it sent a batch, and not if that could not be staged.
	errIncomplete = fmt.Errorf("%w: a batch was given up", errJammed)
)

// unanswered says what it means that no answer came. The server answers everything
// but write errors of its files, which it only logs.
func (s *Stream) unanswered(err error) error {
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("record is too large: %w", err)
	case errors.Is(err, errJammed):
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("%w (no answer within %s)", errJammed, s.patience)
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return fmt.Errorf("%w (the embedded server has closed its store)", errJammed)
	}
	return fmt.Errorf("%w: the embedded server is being started (%w)", ErrStoreFull, err)
}

// Codes of the JetStream API (nats-server errors.json).
const (
	codeWrongLastSequence         = 10071
	codeWrongLastSequenceConstant = 10164
	codeBatchIncomplete           = 10176
	codeStoreFailed               = 10077
	codeInsufficientResources     = 10023
	codeStorageExceeded           = 10047
)

// ack is a publish acknowledgement.
type ack struct {
	Seq   uint64              `json:"seq"`
	Count int                 `json:"count"` // of a batch
	Error *jetstream.APIError `json:"error"`
}

// readAck reads the answer to n messages.
func readAck(data []byte, n int) (last uint64, err error) {
	var a ack
	if err := json.Unmarshal(data, &a); err != nil {
		return 0, fmt.Errorf("read acknowledgement %q: %w", cut(string(data), 80), err)
	}
	if a.Error == nil && (n == 1 || a.Count == n) {
		return a.Seq, nil
	}
	if a.Error == nil {
		return 0, fmt.Errorf("%d of %d messages were acknowledged", a.Count, n)
	}
	return 0, refusal(a.Error)
}

func refusal(e *jetstream.APIError) error {
	switch e.ErrorCode {
	case codeWrongLastSequence, codeWrongLastSequenceConstant:
		return fmt.Errorf("%w (%s)", ErrFenced, e.Description)
	case codeInsufficientResources, codeStorageExceeded:
		return fmt.Errorf("%w (%s)", ErrLimit, e.Description)
	case codeBatchIncomplete:
		return fmt.Errorf("%w (%s)", errIncomplete, e.Description)
	case codeStoreFailed:
		if strings.Contains(e.Description, "maximum bytes") {
			return fmt.Errorf("%w (%s)", ErrLimit, e.Description)
		}
		return fmt.Errorf("%w (%s)", errJammed, e.Description)
	}
	return errors.New(e.Description)
}
