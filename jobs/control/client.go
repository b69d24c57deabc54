package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"dispatcher/jobs"
)

// silence is how long a client waits without a sign of life.
const silence = 60 * time.Second

// ErrVersion says that the running process speaks another control API.
var ErrVersion = errors.New("use the same version of the dispatcher for both")

// Client is a [Backend] in another process.
type Client struct {
	Conn   *nats.Conn
	Prefix string // of the subjects; "": those of this host, see [OperatorPrefix]
}

func (c *Client) prefix() string { return cmp.Or(c.Prefix, subjectPrefix) }

// Hello asks for nothing: an error says why the process takes no commands.
func (c *Client) Hello(ctx context.Context) error {
	_, err := call[struct{}](ctx, c.Conn, c.prefix(), hello, struct{}{}, nil)
	return err
}

// List implements [Viewer].
func (c *Client) List(ctx context.Context, q ListQuery) (ListPage, error) {
	return call[ListPage](ctx, c.Conn, c.prefix(), "list", q, nil)
}

// Show implements [Viewer].
func (c *Client) Show(ctx context.Context, q ShowQuery) (Detail, error) {
	return call[Detail](ctx, c.Conn, c.prefix(), "show", q, nil)
}

// Stats implements [Viewer].
func (c *Client) Stats(ctx context.Context) (Stats, error) {
	return call[Stats](ctx, c.Conn, c.prefix(), "stats", struct{}{}, nil)
}

// Watch implements [Viewer].
func (c *Client) Watch(ctx context.Context, q WatchQuery) (Changes, error) {
	return call[Changes](ctx, c.Conn, c.prefix(), "watch", q, nil)
}

// Retry implements [Operator].
func (c *Client) Retry(ctx context.Context, q RetryQuery, told Progress) (Changed, error) {
	return call[Changed](ctx, c.Conn, c.prefix(), "retry", q, told)
}

// Cancel implements [Operator].
func (c *Client) Cancel(ctx context.Context, q CancelQuery, told Progress) (Changed, error) {
	return call[Changed](ctx, c.Conn, c.prefix(), "cancel", q, told)
}

// Pause implements [Operator].
func (c *Client) Pause(ctx context.Context, q PauseQuery) (Paused, error) {
	return call[Paused](ctx, c.Conn, c.prefix(), "pause", q, nil)
}

// Resume implements [Operator].
func (c *Client) Resume(ctx context.Context, q PauseQuery) (Paused, error) {
	return call[Paused](ctx, c.Conn, c.prefix(), "resume", q, nil)
}

// Replay implements [Operator].
func (c *Client) Replay(ctx context.Context, q ReplayQuery, told Progress) (Changed, error) {
	return call[Changed](ctx, c.Conn, c.prefix(), "replay", q, told)
}

// Web implements [Operator].
func (c *Client) Web(ctx context.Context, q WebQuery) (WebPass, error) {
	return call[WebPass](ctx, c.Conn, c.prefix(), "web", q, nil)
}

// Submit implements [Operator].
func (c *Client) Submit(ctx context.Context, env jobs.Envelope) (Job, error) {
	return answered[Job](ask(ctx, c.Conn, c.prefix(), "submit", env.Encode(nil), nil))
}

func call[A any](ctx context.Context, nc *nats.Conn, prefix, name string, q any, told Progress) (answer A, err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return answer, fmt.Errorf("write request: %w", err)
	}
	return answered[A](ask(ctx, nc, prefix, name, body, told))
}

func answered[A any](reply []byte, err error) (answer A, _ error) {
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(reply, &answer); err != nil {
		return answer, fmt.Errorf("read answer of the running dispatcher: %w", err)
	}
	return answer, nil
}

// ask sends a request and waits for its answer, as long as there are signs of
// life.
func ask(ctx context.Context, nc *nats.Conn, prefix, name string, body []byte, told Progress) ([]byte, error) {
	inbox := nc.NewRespInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, unanswered(name, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // at worst nobody listens
	request := &nats.Msg{Subject: prefix + "." + name, Reply: inbox, Data: body, Header: nats.Header{versionHeader: []string{Version}}}
	if err := nc.PublishMsg(request); err != nil {
		return nil, unanswered(name, err)
	}
	for {
		reply, err := next(ctx, sub)
		if err != nil {
			return nil, unanswered(name, err)
		}
		far := reply.Header.Get(progressHeader)
		if far == "" {
			return opened(reply)
		}
		var done, of int
		if _, err := fmt.Sscanf(far, "%d/%d", &done, &of); err == nil && told != nil && of > 0 {
			told(done, of)
		}
	}
}

func next(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}

// unanswered says what is known about a request without an answer.
func unanswered(name string, err error) error {
	if errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("the running dispatcher does not take jobs %s: it is starting or stopping, or of another version; try again, or use the same version for both", name)
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("jobs %s: interrupted; the running dispatcher goes on with what it was asked", name)
	}
	return fmt.Errorf("ask the running dispatcher for %s: no answer: %w; it may have stopped, see its log, then try again", name, err)
}

// opened reads the last answer to a request.
func opened(reply *nats.Msg) ([]byte, error) {
	text := reply.Header.Get(micro.ErrorHeader)
	switch reply.Header.Get(micro.ErrorCodeHeader) {
	case "":
		if theirs := reply.Header.Get(versionHeader); theirs != Version {
			return nil, fmt.Errorf("the running dispatcher has version %q of the control API, this program %s; %w", theirs, Version, ErrVersion)
		}
		return reply.Data, nil
	case codeNoJob:
		return nil, &remoteError{text: text, is: jobs.ErrNoJob}
	case codeWrong:
		return nil, &remoteError{text: text, is: errUnreadable}
	case codeNoRoom:
		return nil, &remoteError{text: text, is: ErrNoRoom}
	case codeVersion:
		return nil, fmt.Errorf("%s; %w", text, ErrVersion)
	}
	return nil, &remoteError{text: text}
}

// remoteError is an error that the other process described.
type remoteError struct {
	text string
	is   error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.is }

// IsNoJob reports whether err says that an id is unknown.
func IsNoJob(err error) bool { return errors.Is(err, jobs.ErrNoJob) }
