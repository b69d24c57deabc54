package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// scanBatch is how many messages one direct get of [Stream.Scan] asks for.
const scanBatch = 500

// Get returns the envelope at a sequence, or [ErrNoPayload].
func (s *Stream) Get(ctx context.Context, seq uint64) (Envelope, error) {
	request, err := json.Marshal(map[string]uint64{"seq": seq})
	if err != nil {
		return Envelope{}, err
	}
	msg, err := s.conn().RequestWithContext(ctx, "$JS.API.DIRECT.GET."+streamName, request)
	if err != nil {
		return Envelope{}, fmt.Errorf("read JOBS %d: %w", seq, err)
	}
	if msg.Header.Get("Status") == "404" {
		return Envelope{}, fmt.Errorf("JOBS %d: %w", seq, ErrNoPayload)
	}
	env, err := DecodeEnvelope(msg.Data)
	if err != nil {
		return env, fmt.Errorf("JOBS %d: %w", seq, err)
	}
	return env, nil
}

// Scan calls fn with every message from a sequence on, in order, to the end.
func (s *Stream) Scan(ctx context.Context, from uint64, fn func(seq uint64, e Envelope) error) error {
	for {
		next, err := s.scanSome(ctx, from, fn)
		if err != nil || next == 0 {
			return err
		}
		from = next
	}
}

// scanSome reads one batch and returns where the next starts, 0 at the end.
func (s *Stream) scanSome(ctx context.Context, from uint64, fn func(uint64, Envelope) error) (next uint64, err error) {
	conn := s.conn()
	inbox := conn.NewRespInbox()
	sub, err := conn.SubscribeSync(inbox)
	if err != nil {
		return 0, fmt.Errorf("scan JOBS: %w", err)
	}
	defer func() { err = errors.Join(err, sub.Unsubscribe()) }()
	request, err := json.Marshal(map[string]any{"seq": from, "batch": scanBatch, "max_bytes": MaxBatchBytes, "next_by_subj": ">"})
	if err != nil {
		return 0, err
	}
	if err := conn.PublishRequest("$JS.API.DIRECT.GET."+streamName, inbox, request); err != nil {
		return 0, fmt.Errorf("scan JOBS: %w", err)
	}
	for {
		msg, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return 0, fmt.Errorf("scan JOBS from %d: %w", from, err)
		}
		switch msg.Header.Get("Status") {
		case "404":
			return 0, nil
		case "204": // end of batch
			if next == 0 || msg.Header.Get("Nats-Num-Pending") == "0" {
				return 0, nil
			}
			return next, nil
		}
		seq, err := handOver(msg, fn)
		if err != nil {
			return 0, err
		}
		next = seq + 1
	}
}

func handOver(msg *nats.Msg, fn func(uint64, Envelope) error) (uint64, error) {
	seq, err := strconv.ParseUint(msg.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("scan JOBS: sequence: %w", err)
	}
	env, err := DecodeEnvelope(msg.Data)
	if err != nil {
		return 0, fmt.Errorf("JOBS %d: %w; run --rebuild starts anew from what Kafka holds", seq, err)
	}
	return seq, fn(seq, env)
}

// Last returns the newest message of a partition; ok is false if it has none.
func (s *Stream) Last(ctx context.Context, p Partition) (seq uint64, e Envelope, ok bool, err error) {
	js, err := s.jetStream()
	if err != nil {
		return 0, e, false, err
	}
	stream, err := js.Stream(ctx, streamName)
	if err != nil {
		return 0, e, false, fmt.Errorf("read the end of JOBS: %w", err)
	}
	raw, err := stream.GetLastMsgForSubject(ctx, subject(p))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, e, false, nil
	}
	if err != nil {
		return 0, e, false, fmt.Errorf("read the end of JOBS %s: %w", p, err)
	}
	e, err = DecodeEnvelope(raw.Data)
	if err != nil {
		return 0, e, false, fmt.Errorf("JOBS %d: %w", raw.Sequence, err)
	}
	return raw.Sequence, e, true, nil
}
