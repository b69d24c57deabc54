package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"dispatcher/jobs"
)

// Subjects of the control API.
const (
	serviceName   = "dispatcher-jobs"
	subjectPrefix = "dispatcher.control"
	apiVersion    = "1.0.0"
)

// requestTimeout bounds the work on one request; bulk changes take long.
const requestTimeout = 10 * time.Minute

// codeNoJob marks [jobs.ErrNoJob] on the wire.
const codeNoJob = "404"

// Serve offers backend on nc until the returned function is called.
func Serve(nc *nats.Conn, backend Backend) (stop func() error, err error) {
	service, err := micro.AddService(nc, micro.Config{Name: serviceName, Version: apiVersion})
	if err != nil {
		return nil, fmt.Errorf("offer control api: %w", err)
	}
	group := service.AddGroup(subjectPrefix)
	for name, handler := range map[string]micro.Handler{
		"list":  handle(backend.List),
		"show":  handle(backend.Show),
		"stats": handle(func(ctx context.Context, _ struct{}) (Stats, error) { return backend.Stats(ctx) }),
		"retry": handle(backend.Retry),
	} {
		if err := group.AddEndpoint(name, handler); err != nil {
			return nil, fmt.Errorf("offer control api %s: %w", name, err)
		}
	}
	return service.Stop, nil
}

// handle answers JSON requests with JSON.
func handle[Q, A any](answer func(context.Context, Q) (A, error)) micro.Handler {
	return micro.HandlerFunc(func(r micro.Request) {
		// In a goroutine of its own: a bulk change must not stand before others.
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
			defer cancel()
			var q Q
			if err := json.Unmarshal(r.Data(), &q); err != nil {
				_ = r.Error("400", "read request: "+err.Error(), nil) // nobody else to tell
				return
			}
			a, err := answer(ctx, q)
			switch {
			case errors.Is(err, jobs.ErrNoJob):
				_ = r.Error(codeNoJob, err.Error(), nil)
			case err != nil:
				_ = r.Error("500", err.Error(), nil)
			default:
				_ = r.RespondJSON(a)
			}
		}()
	})
}

// Client is a [Backend] in another process.
type Client struct{ Conn *nats.Conn }

// List implements [Backend].
func (c *Client) List(ctx context.Context, q ListQuery) (ListPage, error) {
	return call[ListPage](ctx, c.Conn, "list", q)
}

// Show implements [Backend].
func (c *Client) Show(ctx context.Context, q ShowQuery) (Detail, error) {
	return call[Detail](ctx, c.Conn, "show", q)
}

// Stats implements [Backend].
func (c *Client) Stats(ctx context.Context) (Stats, error) {
	return call[Stats](ctx, c.Conn, "stats", struct{}{})
}

// Retry implements [Backend].
func (c *Client) Retry(ctx context.Context, q RetryQuery) (Changed, error) {
	return call[Changed](ctx, c.Conn, "retry", q)
}

func call[A any](ctx context.Context, nc *nats.Conn, name string, q any) (answer A, err error) {
	data, err := json.Marshal(q)
	if err != nil {
		return answer, fmt.Errorf("write request: %w", err)
	}
	reply, err := nc.RequestWithContext(ctx, subjectPrefix+"."+name, data)
	if err != nil {
		return answer, fmt.Errorf("ask the running dispatcher for %s: %w", name, err)
	}
	if code := reply.Header.Get(micro.ErrorCodeHeader); code != "" {
		text := reply.Header.Get(micro.ErrorHeader)
		if code == codeNoJob {
			return answer, &remoteError{text: text, is: jobs.ErrNoJob}
		}
		return answer, &remoteError{text: text}
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return answer, fmt.Errorf("read answer of the running dispatcher: %w", err)
	}
	return answer, nil
}

// remoteError is an error that the other process described.
type remoteError struct {
	text string
	is   error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.is }
