package ciso

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"dispatcher/jobs"
)

// ErrGone says that an object that was there is not (any more): HTTP 404.
var ErrGone = errors.New("object is gone")

// UnansweredError wraps the error of a write that may have been carried out, or
// still may be.
type UnansweredError struct{ Err error }

func (e *UnansweredError) Error() string { return e.Err.Error() }
func (e *UnansweredError) Unwrap() error { return e.Err }

// unanswered marks err if it concerns a write that was sent.
func unanswered(r *request, err error) error {
	if r.writes() && err != nil {
		return &UnansweredError{Err: err}
	}
	return err
}

// notSentError is why a request could not even be made here.
type notSentError struct{ err error }

func (e *notSentError) Error() string { return e.err.Error() }
func (e *notSentError) Unwrap() error { return e.err }

// isUnsent reports whether err says that a request was not sent.
func isUnsent(err error) bool {
	var unsent *notSentError
	return errors.As(err, &unsent)
}

// noAnswer classifies a request that got none.
func (c *Client) noAnswer(ctx context.Context, r *request, err error) error {
	var failure *jobs.Failure
	if errors.As(err, &failure) {
		return failure // it was never sent
	}
	switch {
	case errors.Is(err, errNotPermitted):
		return err
	case errors.Is(err, errCutOff):
		return unanswered(r, fmt.Errorf("%s %s: %w", r.method, r.path, errCutOff))
	}
	var unsent *notSentError
	if errors.As(err, &unsent) && ctx.Err() == nil {
		return jobs.Transient(0, 0, fmt.Errorf("%s %s: %w", r.method, r.path, unsent.err))
	}
	sent := !isDial(err) && unsent == nil
	if ctx.Err() != nil {
		if sent {
			return unanswered(r, fmt.Errorf("%s %s: %w", r.method, r.path, context.Cause(ctx)))
		}
		return ctx.Err()
	}
	err = fmt.Errorf("%s %s: %w", r.method, r.path, withoutURL(err))
	if isTLS(err) || !sent {
		return jobs.Holding(jobs.HoldAPIDown, hint(err))
	}
	return unanswered(r, c.suspicious(ctx, r, nil, err))
}

// isDial reports whether no connection came about: nothing was sent.
func isDial(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") {
		return true
	}
	var dns *net.DNSError
	return errors.As(err, &dns) || isTLS(err)
}

// withoutURL drops the address that net/http repeats in its errors.
func withoutURL(err error) error {
	if inner := errors.Unwrap(err); inner != nil && strings.Contains(err.Error(), "://") {
		return inner
	}
	return err
}

// hint adds the remedy to errors that people meet.
func hint(err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "certificate signed by unknown authority"), strings.Contains(text, "certificate is not trusted"):
		return fmt.Errorf("%w; set API_CA_FILE to the CA that signed the certificate", err)
	case strings.Contains(text, "first record does not look like a TLS handshake"), strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%w; the address speaks http, not https", err)
	case strings.Contains(text, "connection refused"), strings.Contains(text, "no such host"):
		return fmt.Errorf("%w; is API_URL right, and CISO Assistant up?", err)
	}
	return err
}

// judge turns every answer but success into an error.
func (c *Client) judge(ctx context.Context, r *request, a *answer) error {
	switch {
	case a.status >= 200 && a.status < 300 && a.isAPI():
		c.breakerOf(r).succeeded(r)
		return nil
	case a.status >= 500 || a.status == http.StatusTooManyRequests || a.status == http.StatusRequestTimeout || a.status == http.StatusTooEarly:
		return c.serverError(ctx, r, a)
	case a.status >= 300 && a.status < 400 || !a.isAPI() || a.isGateway():
		return c.stranger(ctx, r, a)
	}
	return c.refusal(ctx, r, a)
}

// serverError is an answer that may be different the next time.
func (c *Client) serverError(ctx context.Context, r *request, a *answer) error {
	err := fmt.Errorf("%s %s: HTTP %d%s", r.method, r.path, a.status, colon(errorText(a)))
	if a.status == http.StatusTooManyRequests {
		return jobs.Transient(a.status, retryAfter(a, c.cfg.Clock()), err)
	}
	err = c.suspicious(ctx, r, a, err)
	if a.status == http.StatusBadGateway || a.status == http.StatusServiceUnavailable || a.status == http.StatusGatewayTimeout {
		return unanswered(r, err) // a proxy's word: the API may have done it
	}
	return err
}

// suspicious asks the API itself whether it is there: if not it is an outage,
// else the trouble is this request's own.
func (c *Client) suspicious(ctx context.Context, r *request, a *answer, err error) error {
	if probeErr := c.Probe(ctx); probeErr != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return probeErr
	}
	status, after := 0, time.Duration(0)
	if a != nil {
		status, after = a.status, retryAfter(a, c.cfg.Clock())
	}
	if hold := c.breakerOf(r).failed(r.key(), err, c.cfg.Clock()); hold != nil {
		return hold
	}
	return jobs.Transient(status, after, err)
}

// stranger is an answer that is not the API's. It holds the work; but a proxy
// that refuses one request again and again while the API answers has something
// against that request alone, which then spends its own attempts and stops
// nobody else.
func (c *Client) stranger(ctx context.Context, r *request, a *answer) error {
	err := c.notTheAPI(r, a)
	if _, held := IsHold(err); !held || a.status >= 300 && a.status < 400 || c.Probe(ctx) != nil {
		return err
	}
	if c.breakerOf(r).refused(r.key()) <= maxStrange {
		return err
	}
	return jobs.Transient(a.status, retryAfter(a, c.cfg.Clock()), errors.Unwrap(err))
}

// notTheAPI is an answer of somebody else: a proxy, another server, or Django
// before the API (ALLOWED_HOSTS). It says nothing about the job, but for two.
func (c *Client) notTheAPI(r *request, a *answer) error {
	where := fmt.Sprintf("%s %s: HTTP %d", r.method, r.path, a.status)
	why := "and a page that is not the API's; API_URL leads to something else, or a proxy is in between"
	switch {
	case a.status == http.StatusRequestEntityTooLarge:
		return jobs.Fail(jobs.CodeRejected, "%s: a proxy before the API refuses a body of this size; raise its limit, then retry", where).WithStatus(a.status)
	case a.status == http.StatusBadRequest && len(a.body) == 0:
		return jobs.Fail(jobs.CodeRejected, "%s without a reason", where).WithStatus(a.status)
	case a.status >= 300 && a.status < 400:
		why = fmt.Sprintf("redirects to %q; API_URL must be the API's own address", a.header.Get("Location"))
	case a.status == http.StatusBadRequest:
		why = "and a page that is not the API's; is the host of API_URL among the server's ALLOWED_HOSTS?"
	case len(a.body) == 0:
		why = "and nothing with it; API_URL leads to something else, or a proxy is in between"
	}
	return jobs.Holding(jobs.HoldAPIDown, fmt.Errorf("%s %w%s", where, errStranger, why))
}

// errStranger marks answers that are not the API's; it adds no words.
var errStranger = errors.New("")

// refusal is the API's own no.
func (c *Client) refusal(ctx context.Context, r *request, a *answer) error {
	text := errorText(a)
	switch {
	case a.status == http.StatusNotFound:
		return fmt.Errorf("%s %s: %w: %s", r.method, r.path, ErrGone, text)
	case a.status == http.StatusUnauthorized:
		return jobs.Holding(jobs.HoldAuth, fmt.Errorf("the API refuses the token: %s", text))
	case a.status == http.StatusForbidden:
		if text == "" {
			text = "the API gives no reason"
		}
		if hold := c.missed(ctx, r.right(), r.key()); hold != nil {
			return hold
		}
		return jobs.Fail(jobs.CodeForbidden, "%s (%s %s); give the dispatcher's user the right, then retry", text, r.method, r.path).WithStatus(a.status)
	case passing(text):
		return jobs.Transient(a.status, 0, fmt.Errorf("%s %s: HTTP %d: %s", r.method, r.path, a.status, text))
	}
	return jobs.Fail(jobs.CodeRejected, "%s", text).WithStatus(a.status)
}

// versionTaken is what parallel revisions of one evidence are told.
var versionTaken = regexp.MustCompile(`(^|; )version: \d+ is already used`)

// passing reports whether a 400 is about the moment, not the message: the write
// serialiser turns any exception into one (core/serializers.py).
func passing(text string) bool {
	return strings.Contains(text, "database is locked") || strings.Contains(text, "deadlock") || versionTaken.MatchString(text)
}

// retryAfter reads what the server asked for: seconds or a date.
func retryAfter(a *answer, now time.Time) time.Duration {
	raw := a.header.Get("Retry-After")
	if seconds, err := strconv.Atoi(raw); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(raw); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

func tooLarge(size int) error {
	return jobs.Fail(jobs.CodeRejected, "the fields make %d bytes of JSON, the API accepts %d; shorten them", size, maxJSONBody)
}

func colon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}
