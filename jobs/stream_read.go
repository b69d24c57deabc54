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

// getSubject is where single messages and runs of them are asked for (ADR-31).
const getSubject = "$JS.API.DIRECT.GET." + streamName

// get is a request for the message at Seq, or for the last one of a subject.
type get struct {
	Seq     uint64 `json:"seq,omitempty"`
	LastFor string `json:"last_by_subj,omitempty"`
}

// Get returns the envelope at a sequence, or [ErrNoPayload].
func (s *Stream) Get(ctx context.Context, seq uint64) (Envelope, error) {
	_, e, err := s.get(ctx, s.conn(), get{Seq: seq})
	if err != nil {
		return e, fmt.Errorf("JOBS %d: %w", seq, err)
	}
	return e, nil
}

// Last returns the newest message of a partition; ok is false if it has none.
func (s *Stream) Last(ctx context.Context, p Partition) (seq uint64, e Envelope, ok bool, err error) {
	conn, err := s.healthy(ctx)
	if err == nil {
		seq, e, err = s.get(ctx, conn, get{LastFor: subject(p)})
	}
	if errors.Is(err, ErrNoPayload) {
		return 0, e, false, nil
	}
	if err != nil {
		return 0, e, false, fmt.Errorf("read the end of JOBS %s: %w", p, err)
	}
	s.sawLast(p, seq)
	return seq, e, true, nil
}

func (s *Stream) get(ctx context.Context, conn *nats.Conn, what get) (seq uint64, e Envelope, err error) {
	request, err := json.Marshal(what)
	if err != nil {
		return 0, e, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	msg, err := conn.RequestWithContext(ctx, getSubject, request)
	if err != nil {
		return 0, e, err
	}
	return open(msg)
}

// open reads a message of JOBS.
func open(msg *nats.Msg) (seq uint64, e Envelope, err error) {
	switch status := msg.Header.Get("Status"); status {
	case "":
	case "404":
		return 0, e, ErrNoPayload
	default:
		return 0, e, fmt.Errorf("the embedded server says %s %s", status, msg.Header.Get("Description"))
	}
	if seq, err = strconv.ParseUint(msg.Header.Get(jetstream.SequenceHeader), 10, 64); err != nil {
		return 0, e, fmt.Errorf("sequence of a message: %w", err)
	}
	e, err = DecodeEnvelope(msg.Data)
	return seq, e, err
}
