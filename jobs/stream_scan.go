package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// scanBatch is how many messages one request of [Stream.Scan] asks for.
const scanBatch = 500

// Scan calls fn with every message from a sequence on, in order, to the end. A
// missing sequence was purged, or cannot be read any more; if that is the last
// one, Scan says so ([ErrDamaged]). An error of fn ends the scan and is returned
// as it is.
func (s *Stream) Scan(ctx context.Context, from uint64, fn func(seq uint64, e Envelope) error) error {
	for {
		next, err := s.scanSome(ctx, from, fn)
		if err != nil {
			return err
		}
		if next > from {
			from = next
			continue
		}
		_, last, _, err := s.Bounds(ctx)
		if err != nil {
			return err
		}
		if last >= from { // the last message of all is the last of its partition: never purged
			return fmt.Errorf("scan JOBS: nothing can be read from %d to its end at %d: %w", from, last, ErrDamaged)
		}
		return nil
	}
}

// scanSome reads one batch and returns where the next starts: from, if there was
// nothing.
func (s *Stream) scanSome(ctx context.Context, from uint64, fn func(uint64, Envelope) error) (next uint64, err error) {
	conn, err := s.healthy(ctx)
	if err != nil {
		return from, fmt.Errorf("scan JOBS: %w", err)
	}
	run, err := s.fetch(ctx, conn, from)
	if err != nil {
		return from, fmt.Errorf("scan JOBS from %d: %w", from, err)
	}
	next = from
	for _, msg := range run {
		seq, e, err := open(msg)
		if err != nil {
			return next, fmt.Errorf("scan JOBS behind %d: %w", next-1, err)
		}
		if err := fn(seq, e); err != nil {
			return next, err
		}
		next = seq + 1
	}
	return next, nil
}

// fetch receives one run of messages; none at the end.
func (s *Stream) fetch(ctx context.Context, conn *nats.Conn, from uint64) (run []*nats.Msg, err error) {
	inbox := conn.NewRespInbox()
	sub, err := conn.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sub.Unsubscribe()) }()
	request, err := json.Marshal(map[string]any{"seq": from, "batch": scanBatch, "max_bytes": MaxBatchBytes, "next_by_subj": ">"})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	if err := conn.PublishRequest(getSubject, inbox, request); err != nil {
		return nil, err
	}
	for {
		msg, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, err
		}
		switch msg.Header.Get("Status") {
		case "404", "204": // nothing, or the end of the run
			return run, nil
		}
		run = append(run, msg)
	}
}
