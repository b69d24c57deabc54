package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"dispatcher/jobs"
)

// insist sends a request until it is answered, or ctx ends, and returns the
// answer. What it asks for may be done more than once.
func (h *host) insist(ctx context.Context, kind string, request func() any) (answer []byte, err error) {
	for {
		try, cancel := context.WithTimeout(ctx, answerTimeout)
		answer, err := h.exchange(try, kind, request())
		cancel()
		var refused *refusal
		if err == nil || errors.Is(err, jobs.ErrStale) || errors.Is(err, jobs.ErrLocked) {
			return answer, err
		}
		if errors.As(err, &refused) {
			h.trouble(err)
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return nil, fmt.Errorf("%s: %w", err, context.Cause(ctx))
		}
	}
}

// refusal is what the run host says instead of an answer.
type refusal struct {
	text string
	is   error
}

func (e *refusal) Error() string { return e.text }
func (e *refusal) Unwrap() error { return e.is }

func (h *host) call(ctx context.Context, kind string, q, answer any) error {
	data, err := h.exchange(ctx, kind, q)
	if err != nil || answer == nil {
		return err
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("read the answer of %s: %w", h.file.Address, err)
	}
	return nil
}

// exchange sends one request. It does not wait longer than the connection lives.
func (h *host) exchange(ctx context.Context, kind string, q any) ([]byte, error) {
	data, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("write request: %w", err)
	}
	h.mu.Lock()
	link := h.link
	h.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(link, func() { cancel(nats.ErrDisconnected) })()
	m := nats.NewMsg(h.subject + kind)
	m.Header.Set(versionHeader, Version)
	m.Data = data
	reply, err := h.conn.RequestMsgWithContext(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", h.file.Address, err)
	}
	text := h.file.Address + ": " + reply.Header.Get(textHeader)
	switch reply.Header.Get(errorHeader) {
	case "":
		return reply.Data, nil
	case codeStale:
		return nil, &refusal{text, jobs.ErrStale}
	case codeLocked:
		return nil, &refusal{text, jobs.ErrLocked}
	case codeVersion:
		return nil, &refusal{text, ErrVersion}
	}
	return nil, &refusal{text: text}
}
