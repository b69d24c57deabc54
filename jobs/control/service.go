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
	hello         = "commands" // asked for nothing
)

// Version is that of the control API. A program of another one is refused: what
// it means by a request may be something else.
const Version = "2.0.0"

// Headers of requests and answers.
const (
	versionHeader  = "Dispatcher-Control-Version"
	progressHeader = "Dispatcher-Progress" // of an answer that is not the last
)

// lookTimeout bounds the work on a request that only looks.
const lookTimeout = 10 * time.Minute

// beat is how often a client hears that its request is being worked on.
const beat = 500 * time.Millisecond

// Codes of errors on the wire.
const (
	codeNoJob   = "404" // [jobs.ErrNoJob]
	codeVersion = "505"
	codeNoRoom  = "429" // [ErrNoRoom]
	codeWrong   = "400"
	codeFailed  = "500"
)

// Serve offers backend on nc until the returned function is called.
func Serve(nc *nats.Conn, backend Backend) (stop func() error, err error) {
	return offer(nc, subjectPrefix, func(string) map[string]answerer { return answerers(backend) })
}

// answerers are the requests of the control API.
func answerers(backend Backend) map[string]answerer {
	return map[string]answerer{
		"list":   look(backend.List),
		"show":   look(backend.Show),
		"watch":  look(backend.Watch),
		"stats":  look(func(ctx context.Context, _ struct{}) (Stats, error) { return backend.Stats(ctx) }),
		"retry":  change(backend.Retry),
		"cancel": change(backend.Cancel),
		"pause":  change(quiet(backend.Pause)),
		"resume": change(quiet(backend.Resume)),
		"replay": change(backend.Replay),
		"web":    change(quiet(backend.Web)),
		"submit": submit(backend.Submit),
		hello:    look(func(context.Context, struct{}) (a struct{}, err error) { return a, nil }),
	}
}

// offer answers requests below prefix; by says what answers a subject. [hello]
// comes last: whoever is answered can ask for all the others.
func offer(nc *nats.Conn, prefix string, by func(subject string) map[string]answerer) (stop func() error, err error) {
	service, err := micro.AddService(nc, micro.Config{Name: serviceName, Version: Version})
	if err != nil {
		return nil, fmt.Errorf("offer control api: %w", err)
	}
	group := service.AddGroup(prefix)
	add := func(name string) error {
		handler := micro.HandlerFunc(func(r micro.Request) {
			if answer := by(r.Subject())[name]; answer != nil {
				go serve(r, answer)
			}
		})
		if err := group.AddEndpoint(name, handler, micro.WithEndpointSubject(name)); err != nil {
			return fmt.Errorf("offer control api %s: %w", name, err)
		}
		return nil
	}
	for name := range by("") {
		if name != hello {
			err = errors.Join(err, add(name))
		}
	}
	if by("")[hello] != nil {
		err = errors.Join(err, add(hello))
	}
	if err != nil {
		return nil, err
	}
	// Whoever asks from now on is heard: the server knows all of it.
	if err := nc.FlushTimeout(lookTimeout); err != nil {
		return nil, fmt.Errorf("offer control api: %w", err)
	}
	return service.Stop, nil
}

// answerer answers the body of a request.
type answerer func(body []byte, told Progress) (any, error)

// errUnreadable is wrapped by errors about requests that make no sense.
var errUnreadable = errors.New("request cannot be read")

// look answers a request that changes nothing.
func look[Q, A any](answer func(context.Context, Q) (A, error)) answerer {
	return func(body []byte, _ Progress) (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
		defer cancel()
		q, err := read[Q](body)
		if err != nil {
			return nil, err
		}
		return answer(ctx, q)
	}
}

// change answers a request that changes something: it goes on when the client
// has gone away.
func change[Q, A any](answer func(context.Context, Q, Progress) (A, error)) answerer {
	return func(body []byte, told Progress) (any, error) {
		q, err := read[Q](body)
		if err != nil {
			return nil, err
		}
		return answer(context.Background(), q, told)
	}
}

// submit answers a request whose body is an encoded message.
func submit(answer func(context.Context, jobs.Envelope) (Job, error)) answerer {
	return func(body []byte, _ Progress) (any, error) {
		env, err := jobs.DecodeEnvelope(body)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUnreadable, err)
		}
		return answer(context.Background(), env)
	}
}

// quiet is for a change that is done at once.
func quiet[Q, A any](answer func(context.Context, Q) (A, error)) func(context.Context, Q, Progress) (A, error) {
	return func(ctx context.Context, q Q, _ Progress) (A, error) { return answer(ctx, q) }
}

func read[Q any](body []byte) (q Q, err error) {
	if err := json.Unmarshal(body, &q); err != nil {
		return q, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return q, nil
}

// serve works on one request and tells the client meanwhile how far it is.
func serve(r micro.Request, answer answerer) {
	if theirs := r.Headers().Get(versionHeader); theirs != Version {
		_ = r.Error(codeVersion, fmt.Sprintf("the running dispatcher has version %s of the control API, this program %q", Version, theirs), nil)
		return
	}
	t := &teller{request: r, stop: make(chan struct{}), stopped: make(chan struct{})}
	go t.run()
	a, err := answer(r.Data(), t.note)
	close(t.stop)
	<-t.stopped
	switch { // whoever asked may have gone: nobody else is to be told
	case errors.Is(err, jobs.ErrNoJob):
		_ = r.Error(codeNoJob, err.Error(), nil)
	case errors.Is(err, ErrNoRoom):
		_ = r.Error(codeNoRoom, err.Error(), nil)
	case errors.Is(err, errUnreadable), IsWrongKey(err):
		_ = r.Error(codeWrong, err.Error(), nil)
	case err != nil:
		_ = r.Error(codeFailed, err.Error(), nil)
	default:
		_ = r.RespondJSON(a, micro.WithHeaders(micro.Headers{versionHeader: []string{Version}}))
	}
}
